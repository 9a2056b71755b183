import { expect, test } from "vitest";
import { closedForm, expectedSequences, lastOutputs, sequenceOutputs } from "./answers.ts";
import { flushKey } from "./flush-key.ts";
import { SmokeGenerator, type SmokeRecord } from "./generator.ts";
import { judge, type SeenRecord, type Verdict } from "./judge.ts";
import { type Output, outputs } from "./plan.ts";

// What the judge would say of outputs that are wrong: an alarm that cannot ring proves nothing.
type Topic = Output | "data";
type Topics = ReadonlyMap<Topic, readonly SeenRecord[]>;
const topics: readonly Topic[] = ["data", ...outputs];

const acknowledged = sent();
const right = rightOutputs();

function sent(): SmokeRecord[] {
  const generator = new SmokeGenerator({ seed: 5, valuesPerKey: 12, keysAtOnce: 4, mostKeys: 6, stepMs: 300, partitions: 2 });
  const records: SmokeRecord[] = [];
  for (let record = generator.next(); record !== undefined; record = generator.next()) records.push(record);
  return records;
}

function rightOutputs(): Topics {
  const keys = [...new Set(acknowledged.map(({ key }) => key))];
  const flush = { key: flushKey, value: 0 };
  const told = sequenceOutputs.map((output) => [output, recordsOf(expectedSequences(acknowledged, output))] as const);
  const last = lastOutputs.map((output) => {
    const ends = [...closedForm(output, keys)!];
    return [output, ends.flatMap(([key, value]) => [value + 7, value].map((each) => ({ key, value: each })))] as const;
  });
  const ticks = ["task-0", "task-1"].flatMap((key) => [1, 2, 3, 4].map((value) => ({ key, value })));
  const data = [...acknowledged.map(({ key, value }) => ({ key, value })), flush, flush];
  return new Map<Topic, readonly SeenRecord[]>([...told, ...last, ["data", data], ["ticks", ticks]]);
}

function recordsOf(sequences: ReadonlyMap<string, readonly number[]>): SeenRecord[] {
  return [...sequences].flatMap(([key, values]) => values.map((value) => ({ key, value })));
}

const verdictOf = (seen: Topics): Promise<Verdict> => judge({ acknowledged, read: (what) => Promise.resolve(seen.get(what)!) });

/** One topic is as `change` makes it. */
async function brokenBy(what: Topic, change: (records: SeenRecord[]) => readonly SeenRecord[]): Promise<readonly string[]> {
  return (await verdictOf(new Map([...right, [what, change([...right.get(what)!])]]))).broken;
}

/** The first record that has one of the same key and another value right behind it. */
function firstOfTwo(records: readonly SeenRecord[]): number {
  const at = records.findIndex(({ key, value }, i) => records[i + 1]?.key === key && records[i + 1]?.value !== value);
  expect(at).toBeGreaterThanOrEqual(0);
  return at;
}

/** The first record of a key that is not its last one; in an output of one record a key, the first record. */
const anyOf = (records: readonly SeenRecord[]): number => Math.max(0, firstRepeated(records));
const firstRepeated = (records: readonly SeenRecord[]): number =>
  records.findIndex(({ key }, i) => key !== flushKey && records.slice(i + 1).some((other) => other.key === key));
const onceAKey: readonly Topic[] = ["min-suppressed", "sws-suppressed"];
const judgedWhole = topics.filter((what) => !(lastOutputs as readonly Topic[]).includes(what));

test("[K90] outputs as they must be are found right, and counted", async () => {
  const { broken, counts } = await verdictOf(right);
  expect(broken).toEqual([]);
  expect(counts).toEqual(Object.fromEntries(topics.map((what) => [what, right.get(what)!.length])));
  expect(counts["echo"]).toBe(6 * 12);
});

test.each(judgedWhole)("[K90] %s: a record that is lost is found", async (what) => {
  const broken = await brokenBy(what, (records) => records.toSpliced(anyOf(records), 1));
  expect(broken.join("\n")).toMatch(
    what === "ticks" ? /^ticks: task-0 ticked 2, 3, 4 where 1 was due$/ : new RegExp(`^${what}: 1 lost, 0 doubled$`, "m"),
  );
});

test.each(judgedWhole)("[K90] %s: a record that came twice is found", async (what) => {
  const broken = await brokenBy(what, (records) => records.toSpliced(anyOf(records), 0, records[anyOf(records)]!));
  expect(broken.join("\n")).toMatch(
    what === "ticks" ? /^ticks: task-0 ticked 1, 1, 2, 3 where 2 was due$/ : new RegExp(`^${what}: 0 lost, 1 doubled$`, "m"),
  );
});

test.each(judgedWhole.filter((what) => !onceAKey.includes(what)))(
  "[K90] %s: two records of a key in the wrong order are found",
  async (what) => {
    const broken = await brokenBy(what, (records) => {
      const sorted = records.toSorted((a, b) => ((a.key ?? "") < (b.key ?? "") ? -1 : a.key === b.key ? 0 : 1));
      const at = firstOfTwo(sorted);
      return sorted.with(at, sorted[at + 1]!).with(at + 1, sorted[at]!);
    });
    expect(broken.join("\n")).toMatch(
      what === "ticks" ? /^ticks: task-0 ticked 2, 1, 3/ : new RegExp(`^${what}: .* instead of .*\n${what}: 0 lost, 0 doubled$`),
    );
  },
);

test.each(judgedWhole)("[K90] %s: the order of different keys says nothing", async (what) => {
  const byKey = (records: readonly SeenRecord[]): SeenRecord[] =>
    records.toSorted((a, b) => ((a.key ?? "") > (b.key ?? "") ? -1 : a.key === b.key ? 0 : 1));
  expect(await brokenBy(what, byKey)).toEqual([]);
});

test.each(topics)("[K90] %s: a record of another value is found, and one without a key or a value", async (what) => {
  const lastOf = (records: readonly SeenRecord[]): number => records.findLastIndex(({ key }) => key !== flushKey);
  const other = (records: SeenRecord[]): SeenRecord[] => records.with(lastOf(records), { ...records[lastOf(records)]!, value: 4711 });
  expect((await brokenBy(what, other))[0]).toContain(what);
  expect(await brokenBy(what, (records) => [...records, { key: null, value: 1 }])).toContain(`${what}: a record of key null and value 1`);
  expect(await brokenBy(what, (records) => [...records, { key: "7-18", value: null }])).toContain(
    `${what}: a record of key 7-18 and value null`,
  );
});

test.each(topics.filter((what) => what !== "ticks"))("[K90] %s: a key that is missing is found, and one that nobody sent", async (what) => {
  const { key } = right.get(what)![0]!;
  const without = await brokenBy(what, (records) => records.filter((record) => record.key !== key));
  expect(without.some((line) => line.startsWith(`${what}: ${key}`))).toBe(true);
  const stranger = await brokenBy(what, (records) => [...records, { key: "900-911", value: 1 }]);
  expect(stranger.join("\n")).toMatch(new RegExp(`^${what}: .*900-911`, "m"));
});

test("[K90] a group that nobody is in any more may be told, with 0", async () => {
  expect(await brokenBy("tagg", (records) => [{ key: "3", value: 1 }, ...records, { key: "3", value: 0 }])).toEqual([]);
});

test("[K90] nothing at all is found wrong in everything but the ticks, which are judged by what there is", async () => {
  const broken = (await verdictOf(new Map(topics.map((what) => [what, []])))).broken;
  for (const what of topics.filter((each) => each !== "ticks"))
    expect(
      broken.some((line) => line.startsWith(`${what}: `)),
      what,
    ).toBe(true);
  expect(broken).toContain("data: the flush records are missing");
});
