import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import { type Broker, Deliverer, type DeliveryEvents, type DeliverySnapshot, type Sink } from "@millrace/engine";
import type { DeliveryPlan } from "#topology/delivery/delivery-plan.ts";
import type { SinkMetrics } from "./sink-metrics.ts";
import { SinkRefused } from "./sink-refused.ts";

export type SinkParts = {
  readonly broker: Broker;
  readonly member: string;
  /** Tells the topic of this log from another of that name; asked for whenever the sink begins. */
  readonly originOf: (topic: string) => Promise<string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly metrics: SinkMetrics;
  /** Hears that the status may have changed. */
  readonly changed: () => void;
};

export type SinkStatus = {
  readonly name: string;
  readonly topic: string;
  /** Why it does not run, and will begin anew. */
  readonly failure: string | undefined;
  readonly snapshot: DeliverySnapshot | undefined;
};

const leastPauseMs = 1000;
const mostPauseMs = 30_000;

/** One sink of a process: opened and delivering, and begun anew behind a pause whenever something broke it; the topology goes on meanwhile. */
export class RunningSink {
  readonly #plan: DeliveryPlan;
  readonly #parts: SinkParts;
  readonly #stopping = new AbortController();
  #deliverer: Deliverer | undefined;
  #failure: string | undefined;
  /** Said to have failed, and not yet to answer again. */
  #leftAlone = false;
  #why: string | undefined;
  #loop: Promise<void> | undefined;

  constructor(plan: DeliveryPlan, parts: SinkParts) {
    this.#plan = plan;
    this.#parts = parts;
    parts.metrics.begin(plan.name);
  }

  /** Settles when its settings were taken and it delivers, or waits to try to. @throws {SinkRefused} */
  async start(): Promise<void> {
    const sink = await this.#open();
    const first = Promise.withResolvers<void>();
    this.#loop = this.#run(sink, first.resolve);
    await first.promise;
  }

  get status(): SinkStatus {
    const { name, topic } = this.#plan;
    return { name, topic, failure: this.#failure, snapshot: this.#deliverer?.snapshot() };
  }

  /** Waits for the calls under way, and commits what they did; what is left in the log is delivered when it starts again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // The loop says itself what went wrong.
    await this.#deliverer?.stop().catch(() => undefined);
    await this.#loop;
  }

  async #run(opened: Sink, started: () => void): Promise<void> {
    const { logger } = this.#parts;
    const { name } = this.#plan;
    const { signal } = this.#stopping;
    let sink: Sink | undefined = opened;
    let failed = 0;
    while (!signal.aborted) {
      const begun = performance.now();
      try {
        sink ??= await this.#open();
        await this.#deliver(sink, started);
      } catch (error) {
        if (performance.now() - begun > mostPauseMs) failed = 0;
        const pauseMs = Math.min(mostPauseMs, leastPauseMs * 2 ** failed);
        failed += 1;
        this.#failure = error instanceof Error ? error.message : String(error);
        logger.error({ event: "sink.failed", sink: name, err: error, pauseMs }, "a sink stands still; it begins anew behind a pause");
        this.#parts.changed();
        started();
        await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      } finally {
        await sink
          ?.close()
          .catch((error: unknown) => logger.warn({ event: "sink.unclosed", sink: name, err: error }, "a sink was not closed"));
        sink = undefined;
      }
    }
  }

  /** Settles when it was stopped. */
  async #deliver(sink: Sink, started: () => void): Promise<void> {
    const { name, group, topic, partitions, retry, breaker, callMs, wants } = this.#plan;
    const { broker, member, originOf } = this.#parts;
    const deliverer = new Deliverer({
      name,
      group,
      member,
      sink,
      source: { topic, partitions },
      broker,
      clock: Date.now,
      events: this.#events,
      retry,
      breaker,
      callMs,
      wants,
      origin: await originOf(topic),
    });
    await deliverer.start();
    this.#deliverer = deliverer;
    this.#failure = undefined;
    this.#parts.changed();
    started();
    try {
      if (this.#stopping.signal.aborted) await deliverer.stop();
      await deliverer.ended;
    } finally {
      this.#deliverer = undefined;
    }
  }

  async #open(): Promise<Sink> {
    const { environment, originOf } = this.#parts;
    const { name, topic, place, open } = this.#plan;
    const origin = await originOf(topic);
    try {
      return await open({ environment, origin });
    } catch (error) {
      throw new SinkRefused(name, place, error);
    }
  }

  get #events(): DeliveryEvents {
    const { logger, metrics, changed } = this.#parts;
    const { name: sink } = this.#plan;
    return {
      called: (call) => {
        metrics.called(sink, call);
        const { delivered, retried, refused, ms, error, why } = call;
        if (why !== undefined) this.#why = why;
        if (error !== undefined) logger.debug({ event: "sink.call-failed", sink, ms, err: error }, "a call ended without an answer");
        else if (retried + refused > 0) logger.debug({ event: "sink.called", sink, delivered, retried, refused, ms }, "not all was taken");
      },
      skipped: (records) => metrics.skipped(sink, records),
      lost: ({ partition, from, to }) => {
        metrics.lost(sink, Number(to - from));
        const told = { event: "sink.records-lost", sink, partition, from: String(from), to: String(to) };
        logger.error(told, "retention dropped records before the sink had read them; it goes on behind them");
      },
      breaker: (state) => {
        const told = { event: "sink.breaker", sink, state };
        // An outage is said once, and its end; each probe between them would fill the log of whoever waits for it.
        if (state === "closed") logger.info(told, "the other side answers again");
        else if (state === "open" && !this.#leftAlone)
          logger.warn({ ...told, why: this.#why }, "the other side fails; it is left alone for a while, then tried now and then");
        else logger.debug({ ...told, why: this.#why }, state === "open" ? "it fails still" : "the other side is tried");
        this.#leftAlone = state !== "closed";
        changed();
      },
      committed: ({ letters }) => {
        if (letters === 0) return;
        metrics.deadLettered(sink, letters);
        logger.warn({ event: "sink.dead-lettered", sink, records: letters }, "records left by the dead letters");
      },
      commitFailed: (event) => logger.warn({ event: "sink.commit-failed", sink, ...event }, "a commit was given back"),
      logAway: ({ error, failed }) => {
        if (Math.log2(failed) % 1 === 0)
          logger.warn({ event: "sink.log-away", sink, failed, err: error }, "the log cannot be read; tried again");
      },
    };
  }
}
