import { expect, test } from "vitest";

type Row = Readonly<Record<string, unknown>>;
type Shape = { readonly count: number; readonly compare: (a: Row, b: Row) => number };
type Rows = {
  isHeard: boolean;
  wantsAnswer: boolean;
  begin(): void;
  take(name: string, data: object): boolean;
  answered(rows: readonly Row[]): void;
  lost?(): void;
  rows(): readonly Row[];
};
type HeardRows = {
  readonly FirstOfAll: new (shape: Shape) => Rows;
  readonly FirstOfAdded: new (shape: Shape) => Rows;
  readonly byParts: (partsOf: (row: Row) => readonly unknown[], options?: { readonly descending: boolean }) => Shape["compare"];
};
const { FirstOfAll, FirstOfAdded, byParts } = (await import(new URL("./assets/heard-rows.js", import.meta.url).href)) as HeardRows;

const byLevel = byParts(({ level, sku }) => [level, sku]);
const stock = (sku: string, level: number | string): Row => ({ sku, level });
const keyed = (...rows: readonly Row[]): readonly (readonly [string, Row])[] => rows.map((row) => [`0//${String(row["sku"])}`, row]);

test("[LP14] of a table whose rows change, the first rows are of all that the stream has told, and of the last answer until it has told all", () => {
  const rows = new FirstOfAll({ count: 2, compare: byLevel });
  rows.begin();
  rows.answered([stock("a", 1), stock("b", 2)]);
  rows.take("snapshot", { part: 0, rows: keyed(stock("a", 1), stock("b", 2)) });
  rows.take("snapshot", { part: 1, rows: keyed(stock("c", 3)) });
  rows.take("upsert", { rows: keyed(stock("a", 9)) });
  expect(rows.rows()).toEqual([stock("a", 1), stock("b", 2)]);
  rows.isHeard = true;
  expect(rows.rows()).toEqual([stock("b", 2), stock("c", 3)]);
  rows.take("delete", { keys: ["0//b"] });
  expect(rows.rows()).toEqual([stock("c", 3), stock("a", 9)]);
  rows.take("snapshot", { part: 0, rows: keyed(stock("d", 4)) });
  expect(rows.rows()).toEqual([stock("d", 4)]);
});

test("[LP14] a table of more rows than a page keeps in mind is not heard", () => {
  const rows = new FirstOfAll({ count: 2, compare: byLevel });
  const many = Array.from({ length: 20_001 }, (_, i) => stock(`s${i}`, i));
  expect(rows.take("snapshot", { part: 0, rows: keyed(...many.slice(1)) })).toBe(true);
  expect(rows.take("upsert", { rows: keyed(many[0]!) })).toBe(false);
});

const newest = byParts(({ at, id }) => [at, id], { descending: true });
const alert = (at: number, id: string): Row => ({ at: new Date(at).toISOString(), id });
const told = (...rows: readonly Row[]): object => ({ rows: rows.map((row) => [`0//${String(row["id"])}`, row]) });

test("[LP14] of a table to which rows are added, the newest are those of an answer and what was heard since it was asked for, each once", () => {
  const rows = new FirstOfAdded({ count: 3, compare: newest });
  rows.begin();
  rows.take("upsert", told(alert(5, "e")));
  expect(rows.wantsAnswer).toBe(true);
  rows.answered([alert(4, "d"), alert(3, "c"), alert(2, "b")]);
  expect(rows.rows()).toEqual([alert(5, "e"), alert(4, "d"), alert(3, "c")]);
  rows.wantsAnswer = false;
  rows.take("upsert", told(alert(4, "d"), alert(6, "g"), alert(6, "f")));
  expect(rows.rows()).toEqual([alert(6, "f"), alert(6, "g"), alert(5, "e")]);
  expect(rows.wantsAnswer).toBe(false);
});

test("[LP14] what another server has is shown as it answers: nothing that was heard before stays", () => {
  const rows = new FirstOfAdded({ count: 3, compare: newest });
  rows.begin();
  rows.answered([alert(4, "d")]);
  rows.wantsAnswer = false;
  rows.take("upsert", told(alert(5, "e")));
  rows.lost!();
  expect(rows.rows()).toEqual([alert(5, "e"), alert(4, "d")]);
  rows.answered([alert(1, "a")]);
  expect(rows.rows()).toEqual([alert(1, "a")]);
  rows.take("delete", { keys: ["0//a"] });
  expect(rows.wantsAnswer).toBe(true);
});

test("[LP4] levels of more digits than floating point holds are ordered beside the others", () => {
  const rows = [stock("a", "9007199254740993000"), stock("b", 5), stock("c", -3), stock("d", "-9007199254740993000")];
  expect(rows.toSorted(byLevel).map(({ sku }) => sku)).toEqual(["d", "c", "b", "a"]);
});
