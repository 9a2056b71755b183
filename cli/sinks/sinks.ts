import { createHash } from "node:crypto";
import type { DeliveryPlan } from "#topology/delivery/delivery-plan.ts";
import { RunningSink, type SinkParts, type SinkStatus } from "./running-sink.ts";

/** The sinks that one thread delivers. */
export class Sinks {
  readonly #running: readonly RunningSink[];

  constructor(plans: readonly DeliveryPlan[], parts: SinkParts) {
    this.#running = plans.map((plan) => new RunningSink(plan, parts));
  }

  /** @throws {SinkRefused} when a sink cannot be opened as it is described: then none is left running */
  async start(): Promise<void> {
    const started = await Promise.allSettled(this.#running.map((sink) => sink.start()));
    const refused = started.find((result) => result.status === "rejected");
    if (refused === undefined) return;
    await this.stop();
    throw refused.reason;
  }

  get statuses(): readonly SinkStatus[] {
    return this.#running.map((sink) => sink.status);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((sink) => sink.stop()));
  }
}

/** What `/readyz` says of sinks: none takes the process out of service, since whoever posts events is not served by them. */
export function sinksDetail(statuses: readonly SinkStatus[]): string {
  const troubles = statuses.flatMap(({ name, failure, snapshot }) => {
    if (failure !== undefined) return [`${name} stands still: ${failure}`];
    if (snapshot === undefined) return [`${name} starts`];
    return snapshot.breaker === "closed" ? [] : [`${name}: breaker ${snapshot.breaker}`];
  });
  const well = statuses.length - troubles.length;
  return [...(well > 0 ? [`${well} of ${statuses.length} deliver`] : []), ...troubles].join("; ");
}

/** Of an embedded log, whose identity is the key of other things too and is told to nobody. */
export const originOfLog = (identity: string): string => createHash("sha256").update(`sinks of ${identity}`).digest("hex").slice(0, 12);
