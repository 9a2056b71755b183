import type { Processor } from "@millrace/engine";
import type { DeliveryDraft } from "../delivery/delivery-plan.ts";
import type { Environment } from "../parse/secrets.ts";
import type { Report } from "../topology-error.ts";
import type { Part, Repartition } from "../streams/part.ts";
import type { QueryDraft } from "../streams/query-draft.ts";
import type { Stream } from "../streams/stream.ts";
import type { Topic } from "./topic-catalogue.ts";

/** What the check of one file knows and gathers, node after node. */
export type Elaboration = {
  readonly topology: string;
  readonly report: Report;
  readonly processors: readonly Processor[];
  readonly environment: Environment;
  /** Takes the place of every default number of partitions. */
  readonly partitions: number | undefined;
  /** Topics that may be named; those that a node writes come to it. */
  readonly topics: Map<string, Topic>;
  /** What is written to topics whose writer decides what they hold. */
  readonly written: Map<string, Stream>;
  readonly parts: Part[];
  readonly repartitions: Repartition[];
  readonly queries: QueryDraft[];
  /** Streams by node and output. */
  readonly outputs: Map<string, ReadonlyMap<string, Stream>>;
  readonly deliveries: DeliveryDraft[];
};

/** The output of a node that has but one. */
export const onlyOutput = "out";
