import type { EmbeddedBroker } from "@millrace/engine";
import { processors } from "#processors/registry.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import { type Compiled, compileTopology } from "#topology/compile-topology.ts";
import { isError } from "#topology/topology-error.ts";

/**
 * Partitions a topic of a new log. One thread works all of them, so that more would share no work; each costs a few pages at every commit, however
 * little is in it. The schemas' numbers are for a cluster. Answers do not depend on it.
 */
export const partitionsOfNewLog = 2;

export type Text = { readonly text: string; readonly file: string };

/** The number of partitions that the log's topics have, or shall have; undefined where each topic has that of its schema. */
export function partitionsForLog(broker: Pick<EmbeddedBroker, "partitionsOf">, text: Text): number | undefined {
  const present = eventRegistry.find(({ topic }) => broker.partitionsOf(topic) > 0);
  if (present !== undefined) {
    const count = broker.partitionsOf(present.topic);
    return count === present.partitions ? undefined : count;
  }
  // A file that says numbers itself may fit those of the schemas alone.
  return compileWith(text, partitionsOfNewLog) === undefined ? undefined : partitionsOfNewLog;
}

/** The topology with that many partitions wherever the file says none; undefined when that does not pass. */
export function compileWith({ text, file }: Text, partitions: number | undefined): Compiled | undefined {
  const { problems, compiled } = compileTopology(text, { processors, file, ...(partitions === undefined ? {} : { partitions }) });
  return problems.some(isError) ? undefined : compiled;
}
