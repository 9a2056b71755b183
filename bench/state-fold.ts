import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TaskId, taskId } from "../engine/broker/broker.ts";
import { EmbeddedDatabase } from "../engine/broker/embedded/database.ts";
import { Deltas } from "../engine/broker/embedded/deltas.ts";
import type { Codec } from "../engine/state/codec.ts";
import { embeddedStateStorage } from "../engine/state/embedded/embedded-state-storage.ts";
import { keyValueStore, windowStore } from "../engine/state/store.ts";

// Keyed state in steady state: commits of 1000 records of 200 B with the deltas of 64-byte values, folding beside them; one pinned core.
// usage: node bench/state-fold.ts [workload …]   BENCH_DIR (default /dev/shm), BENCH_CPU (default 1), BENCH_RECORDS (default 3,000,000)

type Total = { n: number; total: number; last: number; note: string };
const note = "Blue ceramic mug, 350 ml, dishwasher-OK.";
const scratch = Buffer.alloc(64);
const codec: Codec<Total> = {
  encode: (value) => {
    scratch.writeDoubleLE(value.n, 0);
    scratch.writeDoubleLE(value.total, 8);
    scratch.writeDoubleLE(value.last, 16);
    scratch.write(value.note, 24, "latin1");
    return scratch;
  },
  decode: (bytes) => {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { n: view.readDoubleLE(0), total: view.readDoubleLE(8), last: view.readDoubleLE(16), note: view.toString("latin1", 24) };
  },
};

/** `live` entries fit in memory besides the tail. Windows: 10k keys, 200k records a window, 60 windows kept. */
const workloads = {
  hot: { keys: 20_000, first: 400_000, preload: 1_000_000, cached: 2_000_000, windows: false },
  uniform: { keys: 1_000_000, first: 0, preload: 1_000_000, cached: 2_000_000, windows: false },
  large: { keys: 2_000_000, first: 0, preload: 2_000_000, cached: 120_000, windows: false },
  window: { keys: 10_000, first: 0, preload: 0, cached: 2_000_000, windows: true },
} as const;
type Workload = keyof typeof workloads;

const task: TaskId = taskId("bench", 0);
const batch = 1000;
const recordBytes = 200;
const specs = { totals: keyValueStore(codec), perWindow: windowStore(codec) };
const arg = process.argv[2];

if (process.env["BENCH_ONE"] !== undefined) {
  if (arg === "restart") restart(process.argv[3] as Workload);
  else run(arg as Workload);
} else {
  const names = process.argv.length > 2 ? (process.argv.slice(2) as Workload[]) : (Object.keys(workloads) as Workload[]);
  console.log(
    "| workload | records/s | CPU µs/record | of it get+put | of it take | of it commit | of it fold | bytes written/record | commit+fold p50/p99/max ms | restart ms | get evicted µs |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const name of names) {
    const folder = mkdtempSync(join(process.env["BENCH_DIR"] ?? "/dev/shm", "state-fold-"));
    const child = (...args: string[]): string => {
      const node = [
        process.execPath,
        "--max-old-space-size=4096",
        ...(process.env["BENCH_FLAGS"] ?? "").split(" ").filter(Boolean),
        import.meta.filename,
        ...args,
      ];
      const { stdout, stderr } = spawnSync("taskset", ["-c", process.env["BENCH_CPU"] ?? "1", ...node], {
        encoding: "utf8",
        env: { ...process.env, BENCH_ONE: folder },
      });
      if (stdout === "") console.error(stderr);
      return stdout.trim();
    };
    try {
      console.log(`| ${name} | ${child(name)} | ${child("restart", name)} |`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

function run(name: Workload): void {
  const { keys, first, preload, cached, windows } = workloads[name];
  const database = new EmbeddedDatabase(join(process.env["BENCH_ONE"]!, "log.db"));
  const deltas = new Deltas(database);
  const { connection } = database;
  connection.exec("CREATE TABLE bench_log(number INTEGER PRIMARY KEY, bytes BLOB)");
  const insert = connection.prepare("INSERT INTO bench_log VALUES (?, ?)");
  const retain = connection.prepare("DELETE FROM bench_log WHERE number = ?");
  const state = embeddedStateStorage(database, { cachedEntries: cached }).open(task, specs);
  const totals = state.keyValue<Total>("totals");
  const perWindow = state.window<Total>("perWindow");
  const log = Buffer.alloc(batch * recordBytes, 'x{"orderId":"o-123456","total":12.34,"sku":"mug-350","qty":3},');
  for (let i = 0; i < batch; i++) log.write("cust-", i * recordBytes, "latin1");

  let number = 0n;
  let record = 0;
  const spent = { process: 0, take: 0, commit: 0, fold: 0 };
  const lap = { at: 0 };
  const mark = (what: keyof typeof spent): number => {
    const now = performance.now();
    const took = now - lap.at;
    spent[what] += took;
    lap.at = now;
    return took;
  };
  let x = 2463534242;
  const random = (n: number): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
  const step = (keyOf: () => number): number => {
    for (let i = 0; i < batch; i++) {
      let rest = keyOf();
      for (let digit = 11; digit > 4; digit--) {
        log[i * recordBytes + digit] = 48 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
    const start = windows ? Math.floor(record / 200_000) * 10_000 : 0;
    if (windows && record % 200_000 === 0) perWindow.expire(start - 60 * 10_000);
    lap.at = performance.now();
    for (let i = 0; i < batch; i++) {
      const key = log.toString("latin1", i * recordBytes, i * recordBytes + 12);
      if (windows) {
        const value = perWindow.get(key, start) ?? { n: 0, total: 0, last: 0, note };
        value.n += 1;
        value.total += 12.34;
        value.last = record + i;
        perWindow.put(key, start, value);
      } else {
        const value = totals.get(key) ?? { n: 0, total: 0, last: 0, note };
        value.n += 1;
        value.total += 12.34;
        value.last = record + i;
        totals.put(key, value);
      }
    }
    record += batch;
    mark("process");
    const changes = state.takeChanges();
    let took = mark("take");
    number += 1n;
    database.transaction("full", () => {
      insert.run(number, log);
      if (number > 300n) retain.run(number - 300n);
      deltas.write(task, number, changes);
    });
    state.committed(number);
    took += mark("commit");
    do state.fold(1500);
    while (state.mustFold);
    return took + mark("fold");
  };

  for (let i = 0; i < preload; i += batch) {
    let next = i;
    step(() => next++);
  }
  const count = Number(process.env["BENCH_RECORDS"] ?? 3_000_000);
  const keyOf = (): number => first + random(keys);
  for (let i = 0; i < count / 3; i += batch) step(keyOf);
  for (const what of Object.keys(spent) as (keyof typeof spent)[]) spent[what] = 0;
  const times: number[] = [];
  const [cpu, wall, bytes] = [process.cpuUsage(), performance.now(), written()];
  for (let i = 0; i < count; i += batch) times.push(step(keyOf));
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - wall) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): string => times[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(1);
  const each = (ms: number): string => ((ms * 1000) / count).toFixed(2);
  const columns = [
    `${(count / seconds / 1000).toFixed(0)}k`,
    ((used.user + used.system) / count).toFixed(2),
    ...[spent.process, spent.take, spent.commit, spent.fold].map(each),
    ((written() - bytes) / count).toFixed(0),
    `${at(0.5)}/${at(0.99)}/${at(1)}`,
  ];
  process.stdout.write(columns.join(" | "), () => process.kill(process.pid, "SIGKILL"));
}

function restart(name: Workload): void {
  const before = performance.now();
  const cpu = process.cpuUsage();
  const database = new EmbeddedDatabase(join(process.env["BENCH_ONE"]!, "log.db"));
  const state = embeddedStateStorage(database).open(task, specs);
  const totals = state.keyValue<Total>("totals");
  const opened = performance.now() - before;
  const used = process.cpuUsage(cpu);
  const tail = database.connection.prepare("SELECT count(*) AS commits, sum(length(bytes)) AS bytes FROM deltas").get();
  let evicted = "";
  if (!workloads[name].windows) {
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) totals.get(`cust-${String((i * 7919) % workloads[name].preload).padStart(7, "0")}`);
    evicted = ((performance.now() - start) / 20).toFixed(1);
  }
  const size = `${String(tail?.["commits"])} deltas, ${(Number(tail?.["bytes"]) / 1e6).toFixed(0)} MB`;
  console.log(`${opened.toFixed(0)} (CPU ${((used.user + used.system) / 1000).toFixed(0)}; ${size}) | ${evicted}`);
  process.kill(process.pid, "SIGKILL");
}

function written(): number {
  return Number(/wchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))![1]);
}
