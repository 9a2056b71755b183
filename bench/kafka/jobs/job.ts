import { deadLetterTopicOf, RecordError, type BoundProcessor, type CurrentRecord, type Plan, type SourcePlan } from "@millrace/engine";
import type { ReadFields } from "#schemas/json/json-projection.ts";
import { partitions as inputPartitions } from "../inputs/generate.ts";

/** What a job does between its input and its output: one node, and what stands before and behind it. */
export type Job = {
  readonly processor: BoundProcessor;
  readonly source: Pick<SourcePlan, "decode" | "decodeAt">;
  readonly key: (value: unknown, record: Readonly<CurrentRecord>) => string | null;
  readonly encode: (value: unknown, record: Readonly<CurrentRecord>) => Uint8Array | null;
};

/** Bytes that are no JSON leave by the dead letters. */
export function sourceOf(read: ReadFields<string>): Job["source"] {
  const decodeAt = (bytes: Uint8Array, from: number, end: number): unknown => {
    try {
      return read(bytes, from, end);
    } catch (error) {
      throw error instanceof SyntaxError ? new RecordError("undecodable", error.message, error) : error;
    }
  };
  return {
    decode: (bytes) => {
      if (bytes === null) throw new RecordError("undecodable", "no value");
      return decodeAt(bytes, 0, bytes.length);
    },
    decodeAt,
  };
}

/** A topology of this one node. Topics are left to who runs it: the output's times are those of its appends. */
export function planOf(
  { processor, source, key, encode }: Job,
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
        sources: [{ topic: input, ...source, to: [{ node: "node", port: "in" }], upstream: [] }],
        nodes: [{ id: "node", processor, outputs: { out: { to: [], sinks: ["results"] } } }],
        sinks: [{ id: "results", topic: output, partitions, kind: "topic", key, encode }],
      },
    ],
  };
}
