import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { type Figure, median, millis, spread, thousands } from "../figures.ts";
import { loadCore } from "../machine.ts";
import { startPinned } from "../pinned-process.ts";
import { withClient } from "./clients.ts";
import type { KafkaBench } from "./kafka-bench.ts";
import { filled, isOurs } from "./restore.ts";
import { Follower } from "./restore/follow.ts";
import { partitions, writeJob } from "./restore/job.ts";
import { RunProcess, type RunSettings } from "./restore/run-process.ts";
import { deleteTopics, untilTrue } from "./topics.ts";

const keys = 2_000_000;
const perSecond = 1000;
const sessionMs = 6000;
const transactionMs = 6000;
const args = ["--session-timeout", `${sessionMs}ms`, "--transaction-timeout", `${transactionMs}ms`];
/** Behind a kill, what was committed before it has arrived by then. */
const drainedMs = 300;

/** Milliseconds behind the kill. */
type Takeover = {
  readonly noticed: number;
  readonly restoring: number;
  readonly restored: number;
  readonly records: number;
  readonly output: number;
};

/**
 * Two processes share 2 M keys; one is killed. How long until the tasks that it had give output again, at the other: the session must end, the transaction that
 * it left open must, and the changelog be read, whole where the other has nothing of a task, or from where its own copy stands.
 */
export const benchTakeover: KafkaBench = async ({ broker: { bootstrap }, folder, quick, rounds, say }) =>
  withClient(bootstrap, "bench", async (client) => {
    const records = quick ? 300_000 : keys;
    const job = writeJob(folder, `bench-restart-${Date.now().toString(36)}`);
    await deleteTopics(client, isOurs);
    const settings = (instance: string, port: number): RunSettings => ({ job, bootstrap, folder, instance, port, args });
    const both = [settings("takeover-one", 18_481), settings("takeover-two", 18_482)] as const;
    let owner = await filled(client, both[0], { records, say });
    const feed = startPinned("kafka/restore/feed.ts", { core: loadCore, args: [bootstrap, String(records), String(perSecond)] });
    const all: Takeover[] = [];
    for (let round = 0; round <= Math.max(2, rounds); round++) {
      const other = await joined(both[(round + 1) % 2]!);
      const takeover = await killed(client, owner, { other, bootstrap });
      say(`${round === 0 ? "take-over by one that has nothing of it" : "take-over"} ${JSON.stringify(takeover)}`);
      all.push(takeover);
      owner = other;
    }
    feed.kill("SIGKILL");
    await owner.kill();
    await deleteTopics(client, isOurs);
    return [
      figureOf(all.slice(0, 1), `${thousands(records)} keys, nothing of them there`),
      figureOf(all.slice(1), "a copy there that is behind"),
    ];
  });

/** A process that has its half of the tasks open, and commits. */
async function joined(settings: RunSettings): Promise<RunProcess> {
  const running = new RunProcess(settings);
  await untilTrue(
    async () => {
      running.check();
      const shared = running.lines.findLast(({ event }) => event === "worker.rebalanced");
      const counts = Object.values(shared?.tasksOf ?? {});
      return (
        counts.length === 2 &&
        counts.every((count) => count === partitions / 2) &&
        running.since(shared!.time, "worker.transaction") !== undefined
      );
    },
    "the tasks are shared",
    120_000,
  );
  return running;
}

async function killed(
  client: KafkaClient,
  owner: RunProcess,
  { other, bootstrap }: { readonly other: RunProcess; readonly bootstrap: string },
): Promise<Takeover> {
  const follower = await Follower.start(bootstrap, client);
  const gives = (since: number): Set<number> => new Set(follower.arrivals.filter(({ at }) => at >= since).map(({ task }) => task));
  const sharing = Date.now();
  await untilTrue(async () => gives(sharing).size === partitions && Date.now() - sharing > 2000, "all tasks give output", 120_000);
  await owner.kill();
  const at = Date.now();
  await sleep(1500);
  const alive = gives(at + drainedMs);
  const missing = Array.from({ length: partitions }, (_, task) => task).filter((task) => !alive.has(task));
  if (missing.length !== partitions / 2) throw new Error(`of ${partitions} tasks ${missing.length} stand still behind the kill`);
  const firstOf = (task: number): number | undefined =>
    follower.arrivals.find((each) => each.task === task && each.at >= at + drainedMs)?.at;
  await untilTrue(
    async () => {
      other.check();
      return missing.every((task) => firstOf(task) !== undefined);
    },
    "the other gives their output",
    120_000,
  );
  await follower.stop();
  const restored = other.lines.filter(({ event, time }) => event === "worker.restored" && time >= at);
  return {
    noticed: other.since(at, "worker.rebalanced")!.time - at,
    restoring: Math.min(
      ...other.lines.filter(({ event, time }) => event === "worker.restoring" && time >= at).map(({ time }) => time - at),
    ),
    restored: Math.max(...restored.map(({ time }) => time - at)),
    records: restored.reduce((sum, { total = 0 }) => sum + total, 0),
    output: Math.max(...missing.map((task) => firstOf(task)!)) - at,
  };
}

function figureOf(all: readonly Takeover[], what: string): Figure {
  const of = (part: keyof Takeover): number[] => all.map((takeover) => takeover[part]);
  const restore = median(all.map(({ restored, restoring }) => restored - restoring));
  return {
    job: `take-over of ${partitions / 2} tasks, kill -9, ${what}`,
    figure: `${spread(of("output"), millis)} from the kill to the last of them giving output`,
    peer: `session over and shared anew ${millis(median(of("noticed")))} → ${thousands(median(of("records")))} records restored ${millis(median(of("restoring")))} – ${millis(median(of("restored")))} → output`,
    target: `≤ session ${millis(sessionMs)} + transaction ${millis(transactionMs)} + restore ${millis(restore)}`,
    reached: median(of("output")) <= sessionMs + transactionMs + restore,
  };
}
