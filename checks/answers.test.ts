import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shippedMonth } from "#cli/replay/command.ts";
import { decodeEvent } from "#schemas/event-codec.ts";
import { topicOf } from "#schemas/event-registry.ts";
import { expectedAnswers } from "./judge/answers.ts";
import { compareAnswers } from "./judge/compare.ts";
import { brokenStockLaws, type StockDecision } from "./judge/laws.ts";
import { logRecords } from "./path/log-records.ts";
import { lateRecords, openRealPath, type RealPath, type RealPathOptions } from "./path/real-path.ts";

const openingStock = 1_000_000;
const timeout = 120_000;

/** A turn takes so many records, and commits them. */
const slices = (records: number): NonNullable<RealPathOptions["worker"]> => ({
  sliceRecords: records,
  commitRecords: records,
  bufferedRecords: records,
});

type Case = { readonly partitions: number; readonly records: number; readonly pipeline: "running" | "after" };

/** Every row of every answer against SQL over the CSV, and no record late anywhere. */
async function judge(files: readonly string[], { partitions, records, pipeline }: Case): Promise<void> {
  const path = await openRealPath({ partitions, worker: slices(records) });
  try {
    if (pipeline === "running") await path.startPipeline();
    const { tokens } = await path.replay(files, { openingStock });
    if (pipeline === "after") await path.startPipeline();
    await path.shown(tokens);
    expect(compareAnswers(expectedAnswers(files, { openingStock }), await path.answers())).toEqual([]);
    expect(lateRecords(path.worker)).toEqual({});
  } finally {
    await path.close();
  }
}

// All combinations by hand: checks/answers.ts.
describe("April 2011, posted and asked over HTTP", () => {
  test.for<Case>([
    { pipeline: "running", partitions: 12, records: 1000 },
    { pipeline: "running", partitions: 4, records: 100 },
    { pipeline: "after", partitions: 12, records: 100 },
    { pipeline: "after", partitions: 1, records: 1000 },
  ])("[X1] $partitions partitions, slices of $records, pipeline $pipeline", { timeout }, (each) => judge([shippedMonth], each));
});

describe("the first days of April 2011", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-answers-"));
  const days = join(folder, "days.csv");
  beforeAll(() => {
    const rows = gunzipSync(readFileSync(shippedMonth)).toString().split("\n");
    writeFileSync(
      days,
      rows
        .slice(
          0,
          rows.findIndex((row) => row.includes(",2011-04-06 ")),
        )
        .join("\n"),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.for<Case>([
    { pipeline: "running", partitions: 12, records: 1 },
    { pipeline: "after", partitions: 4, records: 1 },
  ])("[X1] $partitions partitions, slices of $records, pipeline $pipeline", { timeout }, (each) => judge([days], each));
});

describe("April 2011 with 50 of every article", () => {
  let path: RealPath;
  beforeAll(async () => {
    path = await openRealPath({ partitions: 4 });
    await path.startPipeline();
  });
  afterAll(() => path.close());

  test("[X2] the laws of stock hold, whatever the order in which customers came through", { timeout }, async () => {
    const files = [shippedMonth];
    const { tokens } = await path.replay(files, { openingStock: 50 });
    await path.shown(tokens);
    const decisions = async (type: "inventory.reserved" | "inventory.refused"): Promise<StockDecision[]> => {
      const found: StockDecision[] = [];
      for await (const { value } of logRecords(path.broker, new Map([[topicOf(type), 4]]))) {
        const decoded = decodeEvent(value);
        if (decoded.kind !== "decoded") throw new Error(decoded.detail);
        found.push(decoded.event.data as StockDecision);
      }
      return found;
    };
    const [reserved, refused] = [await decisions("inventory.reserved"), await decisions("inventory.refused")];
    const answers = await path.answers();
    const levels = answers["stock-levels"]
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { sku: string; level: number });
    expect(refused.length).toBeGreaterThan(1000);
    expect(brokenStockLaws(files, { openingStock: 50 }, { reserved, refused, levels })).toEqual([]);
    // What is refused changes neither sales nor any other answer.
    const { "stock-levels": _, ...others } = expectedAnswers(files, {});
    expect(compareAnswers(others, answers)).toEqual([]);
  });
});
