import type { BreakerPolicy, RetryPolicy, Sink, WantedRecord } from "@millrace/engine";
import type { Environment } from "../parse/secrets.ts";
import type { SinkKind } from "../parse/syntax.ts";
import type { Place } from "../topology-error.ts";

/** What a sink is opened with. */
export type Opening = {
  readonly environment: Environment;
  /** Tells this log from another whose topics have the same names; empty where nothing is told apart. */
  readonly origin: string;
};

/** A sink of the file: what is read, who takes it, and how patiently. */
export type DeliveryPlan = {
  readonly name: string;
  readonly kind: SinkKind;
  readonly place: Place;
  readonly topic: string;
  readonly partitions: number;
  /** Of its own, so that it is as far as it is. */
  readonly group: string;
  /** What must be set, with the places that name it. */
  readonly variables: readonly { readonly name: string; readonly place: Place }[];
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
  readonly callMs: number;
  /** In the words of the file. */
  readonly does: readonly string[];
  readonly wants: (record: WantedRecord) => boolean;
  /** Loads the driver, which is why it is asked for last; connects to nobody. @throws with what is wrong with a value of the environment, never the value */
  readonly open: (opening: Opening) => Promise<Sink>;
};

/** A sink whose settings are right; how many partitions its topic has is known when all is laid out. */
export type DeliveryDraft = Omit<DeliveryPlan, "partitions">;

/** How a kind of sink is opened, and what it does. */
export type SinkOpener = {
  readonly does: readonly string[];
  /** Whether a record without a value says something: that its key is gone. */
  readonly takesNull: boolean;
  readonly open: (opening: Opening & { readonly callMs: number }) => Promise<Sink>;
};
