import { DatabaseSync } from "node:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, seededRandom, textsIn } from "#broker/conformance-harness.ts";
import { applicationId, EmbeddedDatabase } from "#broker/embedded/database.ts";
import { openEmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { BatchTable, batchTablesSchema, type StoredBatch } from "./batch-table.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-batches-"));
  path = join(folder, "log.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("[L3] whatever is written, dropped, given back and opened again, each partition's batches are found from any offset", () => {
  const random = seededRandom("batch-table");
  const pick = (n: number): number => Math.floor(random() * n);
  const waiting = 1 + pick(40);
  const open = (): { database: EmbeddedDatabase; table: BatchTable } => {
    const database = new EmbeddedDatabase(path);
    database.migrate("batches", [batchTablesSchema]);
    return { database, table: new BatchTable(database, "passing", { waiting }) };
  };
  const told = ({ bytes, ...batch }: StoredBatch): object => ({ ...batch, size: bytes.length, last: bytes.at(-1) });
  let { database, table } = open();
  const ids = [1, 2, 700];
  const all = new Map(ids.map((id) => [id, [] as StoredBatch[]]));
  const ends = new Map(ids.map((id) => [id, 0]));
  const write = (): [number, StoredBatch][] =>
    Array.from({ length: pick(12) }, (_, i) => {
      const id = ids[pick(ids.length)]!;
      const base = ends.get(id)! + (pick(3) === 0 ? pick(4) : 0);
      const count = 1 + pick(3);
      const bytes = new Uint8Array(pick(20) === 0 ? 9000 : pick(50)).fill(i);
      const kind = pick(5) === 0 ? "watermarks" : "records";
      const batch: StoredBatch = { base, next: base + count, count, kind, appendedAtMs: i, bytes };
      ends.set(id, batch.next);
      table.add(id, batch);
      return [id, batch];
    });
  let placed = 0;
  for (let round = 0; round < 200; round++) {
    if (pick(6) === 0) {
      const before = new Map(ends);
      const given = new Error("given back");
      expect(() =>
        database.transaction("normal", () => {
          write();
          throw given;
        }),
      ).toThrow(given);
      table.rollback();
      for (const [id, end] of before) ends.set(id, end);
    } else {
      for (const [id, batch] of database.transaction("normal", write)) all.get(id)!.push(batch);
      table.written();
    }
    if (table.placeIsDue) {
      table.place();
      placed += 1;
    }
    const id = ids[pick(ids.length)]!;
    const drops = pick(2) === 0 ? all.get(id)!.splice(0, pick(all.get(id)!.length + 1)) : [];
    if (drops.length > 0) {
      database.transaction("normal", () => table.drop(id, drops.at(-1)!.next));
      table.dropped(id, drops.at(-1)!.next);
    }
    if (pick(20) === 0) {
      database.close();
      ({ database, table } = open());
    }
    for (const [of, batches] of all) {
      const from = pick((batches.at(-1)?.next ?? 0) + 2);
      expect([...table.from(of, from)].map(told)).toEqual(batches.filter(({ next }) => next > from).map(told));
      expect([...table.fronts(of)].map(({ base, next, size }) => [base, next, size])).toEqual(
        batches.map(({ base, next, bytes }) => [base, next, bytes.length]),
      );
      expect(table.endOf(of)).toBe(batches.at(-1)?.next ?? 0);
    }
  }
  expect(placed).toBeGreaterThan(0);
  const count = (what: string): number => Number(database.connection.prepare(`SELECT count(*) AS n FROM passing_${what}`).get()!["n"]);
  expect(count("batches")).toBe([...all.values()].reduce((sum, batches) => sum + batches.length, 0));
  expect(count("places")).toBeLessThanOrEqual(count("batches"));
  database.close();
});

test("[L16] a log whose batches lay by partition is read, written to and trimmed as before", async () => {
  const old = new DatabaseSync(path);
  old.exec(`PRAGMA application_id = ${applicationId};
    CREATE TABLE schema_versions(part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE topics(name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, retention TEXT NOT NULL, retention_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE partitions(id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, log_start INTEGER NOT NULL, UNIQUE(topic, partition));
    CREATE TABLE batches(key INTEGER PRIMARY KEY, base INTEGER NOT NULL, next INTEGER NOT NULL, count INTEGER NOT NULL, kind INTEGER NOT NULL,
      appended_at INTEGER NOT NULL, bytes BLOB NOT NULL);
    INSERT INTO schema_versions VALUES ('log', 1);
    INSERT INTO topics VALUES ('old', 2, 'time', 1000), ('passing', 1, 'consumed', NULL);
    INSERT INTO partitions VALUES (1, 'old', 0, 0), (2, 'old', 1, 3), (3, 'passing', 0, 0)`);
  const insert = old.prepare("INSERT INTO batches VALUES (?, ?, ?, ?, 0, ?, ?)");
  const put = (id: number, base: number, text: string): void => {
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: 1, sequence: 1, key: null, value: Buffer.from(text), headers: noHeaders });
    const { bytes, count } = builder.take()!;
    insert.run((BigInt(id) << 44n) | BigInt(base), base, base + 1, count, 5000, bytes);
  };
  put(1, 0, "a");
  put(1, 1, "b");
  put(2, 3, "c");
  put(3, 0, "d");
  old.close();

  let nowMs = 5500;
  const open = (): ReturnType<typeof openEmbeddedBroker> => openEmbeddedBroker({ path, clock: () => nowMs });
  let broker = open();
  const texts = async (): Promise<string[][]> => [
    await textsIn(broker, "old", 0),
    await textsIn(broker, "old", 1),
    await textsIn(broker, "passing", 0),
  ];
  expect(await texts()).toEqual([["a", "b"], ["c"], ["d"]]);
  const [first, second] = await broker.append([batchOf("old", 0, ["new"]), batchOf("passing", 0, ["new"])]);
  expect([first, second]).toMatchObject([{ at: { offset: 2n } }, { at: { offset: 1n } }]);
  await broker.close();
  broker = open();
  expect(await texts()).toEqual([["a", "b", "new"], ["c"], ["d", "new"]]);
  nowMs = 6200;
  broker.maintain();
  expect(await texts()).toEqual([["new"], [], ["d", "new"]]);
  await broker.close();
});
