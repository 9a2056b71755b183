import type { Place } from "#topology/topology-error.ts";

export const sinkErrorCodes = ["SINK_REFUSED"] as const;

/** A sink that cannot be opened as the file and the environment describe it; the message holds no value of the environment. */
export class SinkRefused extends Error {
  readonly code: (typeof sinkErrorCodes)[number] = "SINK_REFUSED";

  constructor(sink: string, { file, line, column }: Place, cause: unknown) {
    super(`${file}:${line}:${column} sink "${sink}": ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = "SinkRefused";
  }
}
