import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { groupOf, openKafka, taskId } from "@millrace/engine";
import { noKafkaEvents } from "../../../engine/broker/kafka/kafka-events.ts";
import { clusterAt } from "../clients.ts";
import { keyOf, partitions, storesOf, subTopology } from "./job.ts";

/** Restores all tasks into a file that is not there yet, and reads a thousand keys: `cold.ts BOOTSTRAP NAME STATE_FILE KEYS`. */
const [bootstrap = "", name = "", stateFile = "", keys = "0"] = process.argv.slice(2);
const stores = storesOf(name);
const totals = new Map<string, bigint>();
const log = openKafka({
  cluster: clusterAt(bootstrap),
  stateFile,
  topics: { replication: 1 },
  events: { ...noKafkaEvents, restoring: ({ task, total }) => void totals.set(task, total) },
});
const tasks = Array.from({ length: partitions }, (_, partition) => taskId(subTopology, partition));
const begun = performance.now();
const before = process.cpuUsage();
await log.broker.committed(groupOf(name), tasks);
const ms = performance.now() - begun;
const { user, system } = process.cpuUsage(before);

const opening = performance.now();
const opened = tasks.map((task) => log.storage.open(task, stores).keyValue<unknown>(Object.keys(stores)[0]!));
const openMs = performance.now() - opening;
const asked = performance.now();
const wanted = Array.from({ length: 1000 }, (_, i) => keyOf(Math.floor((i * Number(keys)) / 1000)));
const found = wanted.filter((key) => opened.some((store) => store.get(key) !== undefined)).length;
const getMicros = ((performance.now() - asked) * 1000) / (wanted.length * tasks.length);
const rows = `${stateFile}.rows`;
const files = existsSync(rows) ? readdirSync(rows).map((file) => statSync(join(rows, file)).size) : [];
const report = {
  records: Number([...totals.values()].reduce((sum, total) => sum + total, 0n)),
  ms,
  cpuMs: (user + system) / 1000,
  systemMs: system / 1000,
  openMs,
  found,
  getMicros,
  rowsMb: Math.round(files.reduce((sum, size) => sum + size, 0) / 2 ** 20),
  maxRssMb: process.resourceUsage().maxRSS >> 10,
};
console.log(JSON.stringify(report));
process.exit(0);
