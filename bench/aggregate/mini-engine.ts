import { DatabaseSync } from "node:sqlite";
import { setHeapFlags, indexBatch, headerBytesOf, keyTextOf, RecordBatchBuilder, valueOf } from "@millrace/engine";
import { codecOf } from "#schemas/codec/record-codec.ts";
import { projectedDecoder } from "#schemas/event-codec.ts";
import type { RecordType } from "#schemas/field-type.ts";
import type { Money } from "#schemas/money.ts";
import { Measure } from "./measure.ts";
import { MiniState, type Total } from "./mini-state.ts";
import { OutputSum } from "./outputs.ts";
import { graceMs, inputTopic, minuteMs, partitions, workloadOf } from "./workload.ts";

/**
 * The most that one core can do with this job on this kind of store: ONE hand-written loop over the same log file. It reads the same blobs, decodes with
 * the same codec, folds into Maps, and commits outputs, one delta and the offsets in one transaction. `mini-engine.ts FILE WORKLOAD [quick]`
 */
setHeapFlags();
const [path = "", name = "20k", quick] = process.argv.slice(2);
const workload = workloadOf(name, quick === "quick");
const db = new DatabaseSync(path);
// The pragmas of the embedded log.
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 134217728;
  PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;
  CREATE INDEX mini_inputs ON kept_batches(partition, base);
  CREATE TABLE mini_outputs(number INTEGER PRIMARY KEY, partition INTEGER NOT NULL, count INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE mini_offsets(partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);`);

const rowType: RecordType = {
  kind: "record",
  name: "PaymentsPerMinute",
  fields: [
    { name: "cardId", type: { kind: "string" } },
    { name: "window_start", type: { kind: "timestamp" } },
    { name: "window_end", type: { kind: "timestamp" } },
    { name: "count", type: { kind: "long" } },
    { name: "amount", type: { kind: "money" } },
    { name: "newest", type: { kind: "timestamp" } },
  ],
};
const [window, count, amount, newest] = [rowType.fields[1]!, rowType.fields[3]!, rowType.fields[4]!, rowType.fields[5]!];
const row = codecOf(rowType);
const stored = codecOf({ kind: "record", name: "Total", fields: [{ name: "timestamp", type: window.type }, count, amount, newest] });
const currency = "GBP";
const state = new MiniState(db, (total: Total) => stored.encode({ ...total, amount: { amount: total.amount, currency } }));
const decode = projectedDecoder("payment.attempted", ["timestamp", "data.amount"]);

const statements = {
  read: db.prepare("SELECT count, bytes FROM kept_batches WHERE partition = ? AND base >= ? ORDER BY base LIMIT 1"),
  output: db.prepare("INSERT INTO mini_outputs(partition, count, bytes) VALUES (?, ?, ?)"),
  offset: db.prepare("INSERT OR REPLACE INTO mini_offsets VALUES (?, ?)"),
};
const ids = db.prepare("SELECT id FROM partitions WHERE topic = ? ORDER BY partition").all(inputTopic);
const inputs = ids.map(({ id }) => ({ id: Number(id), next: 0, streamTime: -1, outputs: new RecordBatchBuilder() }));
if (inputs.length !== partitions) throw new Error(`the log has ${inputs.length} partitions of ${inputTopic}`);

const measure = new Measure(workload.records);
let expiredBefore = 0;
let last = performance.now();
for (let number = 1; !measure.done; number++) {
  let records = 0;
  for (const input of inputs) records += take(input);
  db.exec("BEGIN IMMEDIATE");
  inputs.forEach(({ next, outputs }, partition) => {
    const frame = outputs.take();
    if (frame !== undefined) statements.output.run(partition, frame.count, frame.bytes);
    statements.offset.run(partition, next);
  });
  state.write(number);
  db.exec("COMMIT");
  state.committed(number);
  const now = performance.now();
  measure.committed(records, now - last);
  last = now;
  state.fold(records);
  const before = Math.min(...inputs.map(({ streamTime }) => streamTime)) - graceMs - workload.retainMs - minuteMs;
  if (before - expiredBefore >= minuteMs) state.expire((expiredBefore = before));
}
const sum = new OutputSum();
for (const output of db.prepare("SELECT count, bytes FROM mini_outputs").iterate()) {
  sum.add(output["bytes"] as Uint8Array, Number(output["count"]));
}
console.log(JSON.stringify(measure.report(sum)));
db.close();

function take(input: (typeof inputs)[number]): number {
  const found = statements.read.get(input.id, input.next);
  if (found === undefined) return 0;
  const index = indexBatch(found["bytes"] as Uint8Array, Number(found["count"]));
  for (let i = 0; i < index.count; i++) {
    const timestamp = index.timestamps[i]!;
    if (timestamp > input.streamTime) input.streamTime = timestamp;
    const start = timestamp - (timestamp % minuteMs);
    if (start + minuteMs <= input.streamTime - graceMs) continue;
    const key = keyTextOf(index, i)!;
    const decoded = decode(valueOf(index, i)!);
    if (decoded.kind !== "decoded") throw new Error(decoded.detail);
    const event = decoded.event as { readonly timestamp: number; readonly data: { readonly amount: Money } };
    const total = state.at(start, key);
    total.count += 1;
    total.amount += event.data.amount.amount;
    if (event.timestamp > total.newest) total.newest = event.timestamp;
    if (timestamp > total.timestamp) total.timestamp = timestamp;
    input.outputs.append({
      timestamp: total.timestamp,
      sequence: index.sequences[i]!,
      key,
      value: row.encode({
        cardId: key,
        window_start: start,
        window_end: start + minuteMs,
        count: total.count,
        amount: { amount: total.amount, currency },
        newest: total.newest,
      }),
      headers: headerBytesOf(index, i),
    });
  }
  input.next += index.count;
  return index.count;
}
