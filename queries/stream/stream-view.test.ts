import { expect, test } from "vitest";
import { catalogueOf } from "../catalogue.ts";
import { shopPlan, shopQueries } from "../testing/shop-plan.ts";
import { PlaceIds } from "./place-id.ts";
import { defaultRingLimits, Ring } from "./ring.ts";
import { StreamView } from "./stream-view.ts";

const entry = catalogueOf(shopQueries, shopPlan(1)).find(({ name }) => name === "sales-by-sku")!;
const textOf = (sku: string, units: number): string => JSON.stringify({ sku, units, revenue: "1.00" });

/** What a reader of these filters is told of frames, by name and keys. */
function told(
  filters: readonly (readonly [column: string, texts: readonly string[]])[],
  frames: readonly Readonly<Record<string, string | null>>[],
): string[] {
  const ring = new Ring({ kind: "began", feed: 1, log: "log", at: [0n], unchangedSince: [0n] }, defaultRingLimits);
  const view = new StreamView(entry, { filters, from: undefined, to: undefined }, new PlaceIds("log", "q"));
  return frames.flatMap((rows, i) => {
    const changes = { keys: Object.keys(rows), texts: Object.values(rows) };
    ring.push(
      { kind: "changes", at: [BigInt(i + 1)], rows: changes, expired: [], progress: { streamTime: 0, finalBefore: [] } },
      { nowMs: 0, tellsProgress: false },
    );
    const text = Buffer.from(view.frame(ring.frame(i)) ?? "").toString();
    return [...text.matchAll(/event: (\w+)[^]*?data: (.*)/g)].map(([, name, data]) => {
      const { keys, rows: upserted } = JSON.parse(data!) as { keys?: string[]; rows?: [string, unknown][] };
      return `${name} ${(keys ?? upserted!.map(([key]) => key)).join()}`;
    });
  });
}

test("[Q37] rows of other keys are not told as gone to who asks for one; its own are", () => {
  const frames = [
    { a: textOf("a", 2), b: textOf("b", 2) },
    { a: textOf("a", 1), b: textOf("b", 1) },
    { a: null, b: null, c: null },
    { a: null, b: null },
  ];
  // Of c nobody knows here what it was.
  expect(told([["sku", ["a"]]], frames)).toEqual(["upsert a", "upsert a", "delete a,c", "delete a"]);
  expect(
    told(
      [
        ["sku", ["a"]],
        ["units", ["2"]],
      ],
      frames,
    ),
  ).toEqual(["upsert a", "delete a", "delete a,c", "delete a"]);
  // What can change may have matched before.
  expect(told([["units", ["2"]]], frames)).toEqual(["upsert a,b", "delete a,b", "delete a,b,c", "delete a,b"]);
  expect(told([], frames)).toEqual(["upsert a,b", "upsert a,b", "delete a,b,c", "delete a,b"]);
});
