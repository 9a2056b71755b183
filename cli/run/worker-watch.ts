import type { Logger } from "pino";
import type { KafkaEvents, Rebalance, RestoreProgress, TaskId, WorkerEvents } from "@millrace/engine";
import type { EngineMetrics } from "../engine/engine-metrics.ts";
import { taskRanges } from "./task-ranges.ts";
import type { KafkaMetrics } from "./kafka-metrics.ts";
import type { WorkerStatus } from "./worker-messages.ts";

export type WatchParts = {
  readonly logger: Logger;
  readonly engine: EngineMetrics;
  readonly kafka: KafkaMetrics;
  /** Hears of each rebalance, after the log has. */
  readonly rebalanced: (generation: number) => void;
  /** Hears that the status may have changed. */
  readonly changed: () => void;
};

/** Who has what a worker knows of itself at the moment. */
export type Watched = {
  readonly ownedTasks: ReadonlyMap<TaskId, unknown>;
  readonly openingTasks: readonly TaskId[];
  readonly stoppedTasks: ReadonlyMap<TaskId, unknown>;
};

/** Hears what a worker and its log on Kafka tell, and makes log lines, metrics and a status of it. */
export class WorkerWatch {
  readonly #parts: WatchParts;
  readonly #restoring = new Map<TaskId, RestoreProgress>();
  #rebalancing: string | undefined = "joins";
  #awaySinceMs: number | undefined;
  started = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  get workerEvents(): WorkerEvents {
    const { logger, engine, changed } = this.#parts;
    return {
      assigned: changed,
      committed: (event) => {
        engine.committed(event);
        this.#back();
      },
      commitFailed: (event) => {
        engine.commitFailed(event);
        logger.warn({ event: "worker.commit-failed", ...event }, "a commit was given back");
      },
      logAway: ({ error, failed }) => {
        this.#awaySinceMs ??= performance.now();
        // The first of a row says it, then now and then: each try again would fill the log.
        if (Math.log2(failed) % 1 === 0) logger.warn({ event: "worker.log-away", failed, err: error }, "Kafka cannot be read; tried again");
      },
      retrying: ({ error, ...event }) => logger.warn({ event: "worker.retrying", ...event, err: error }, "a record is tried again"),
      deadLettered: (event) => logger.warn({ event: "worker.dead-lettered", ...event }, "records left by the dead letters"),
      taskStopped: ({ error, ...event }) => {
        logger.error(
          { event: "worker.task-stopped", ...event, err: error },
          "a task stands still: this is a bug in a processor, not in a record",
        );
        changed();
      },
    };
  }

  get kafkaEvents(): KafkaEvents {
    const { logger, kafka, changed } = this.#parts;
    return {
      rebalancing: (reason) => {
        this.#rebalancing = reason;
        logger.debug({ event: "worker.joining", reason }, "joins the group");
        changed();
      },
      rebalanced: (rebalance) => {
        this.#rebalancing = undefined;
        kafka.rebalanced();
        logger.info(
          { event: "worker.rebalanced", ...linesOf(rebalance) },
          rebalance.why === "" ? "rebalanced" : `rebalanced: ${rebalance.why}`,
        );
        this.#parts.rebalanced(rebalance.generation);
        changed();
      },
      restoring: (progress) => this.#restores(progress),
      transaction: (event) => {
        kafka.transaction(event);
        logger.debug({ event: "worker.transaction", outcome: event.outcome, ms: Math.round(event.ms) }, "a transaction has ended");
      },
      localCopyStuck: ({ error, afterMs }) =>
        logger.error(
          { event: "worker.local-copy-stuck", afterMs, err: error },
          "the local copy of the state cannot be written; nothing goes on until it can",
        ),
    };
  }

  statusOf({ ownedTasks, openingTasks, stoppedTasks }: Watched): WorkerStatus {
    for (const task of this.#restoring.keys()) if (!openingTasks.includes(task)) this.#restoring.delete(task);
    return {
      started: this.started,
      rebalancing: this.#rebalancing,
      owned: ownedTasks.size + openingTasks.length,
      opening: openingTasks,
      restoring: [...this.#restoring.values()].map(({ task, read, total, ms }) => ({
        task,
        remaining: Number(total - read),
        perSecond: ms === 0 ? 0 : Math.round((Number(read) / ms) * 1000),
      })),
      stopped: [...stoppedTasks.keys()],
    };
  }

  #back(): void {
    if (this.#awaySinceMs === undefined) return;
    const awayMs = Math.round(performance.now() - this.#awaySinceMs);
    this.#awaySinceMs = undefined;
    this.#parts.logger.info({ event: "worker.log-back", awayMs }, "Kafka is read and written again");
  }

  #restores(progress: RestoreProgress): void {
    const { task, read, total, ms } = progress;
    const { logger, changed } = this.#parts;
    const done = read === total;
    if (done) this.#restoring.delete(task);
    else this.#restoring.set(task, progress);
    const line = { event: "worker.restoring", task, read: Number(read), total: Number(total), ms: Math.round(ms) };
    // What was here already is no news.
    if (!done) logger.info(line, read === 0n ? "a task's state is being restored" : "restoring");
    else if (total > 0n && ms > 0) logger.info({ ...line, event: "worker.restored" }, "a task's state is restored");
    changed();
  }
}

function linesOf({ generation, leader, reason, gained, kept, lost, counts }: Rebalance): object {
  const tasksOf = Object.fromEntries(counts);
  return { generation, leader, reason, gained: taskRanges(gained), kept: kept.length, lost: taskRanges(lost), tasksOf };
}
