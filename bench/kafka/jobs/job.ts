import { deadLetterTopicOf, RecordError, type BoundProcessor, type CurrentRecord, type Plan } from "@millrace/engine";
import { partitions as inputPartitions } from "../inputs/generate.ts";

/** What a job does between its input and its output: one node, and what stands before and behind it. */
export type Job = {
  readonly processor: BoundProcessor;
  /** `bytes` is a view into the fetched batch. */
  readonly decode: (bytes: Uint8Array | null) => unknown;
  readonly key: (value: unknown, record: Readonly<CurrentRecord>) => string | null;
  readonly encode: (value: unknown, record: Readonly<CurrentRecord>) => Uint8Array | null;
};

/** Bytes that are no JSON leave by the dead letters. */
export const decoderOf =
  (read: (bytes: Uint8Array) => unknown): Job["decode"] =>
  (bytes) => {
    if (bytes === null) throw new RecordError("undecodable", "no value");
    try {
      return read(bytes);
    } catch (error) {
      throw error instanceof SyntaxError ? new RecordError("undecodable", error.message, error) : error;
    }
  };

/** A topology of this one node. Topics are left to who runs it: the output's times are those of its appends. */
export function planOf(
  { processor, decode, key, encode }: Job,
  name: string,
  { input, output, partitions = inputPartitions }: { readonly input: string; readonly output: string; readonly partitions?: number },
): Plan {
  return {
    name,
    topics: [{ name: deadLetterTopicOf(input), partitions, retention: { kind: "forever" } }],
    subTopologies: [
      {
        id: "job",
        partitions,
        sources: [{ topic: input, decode, to: [{ node: "node", port: "in" }], upstream: [] }],
        nodes: [{ id: "node", processor, outputs: { out: { to: [], sinks: ["results"] } } }],
        sinks: [{ id: "results", topic: output, partitions, kind: "topic", key, encode }],
      },
    ],
  };
}
