import type { AppendResult, RecordBatch } from "#broker/broker.ts";
import { BrokerError, type BrokerErrorCode } from "#broker/broker-error.ts";

/** The append calls of one turn: all bytes in one buffer of their own, places as columns, so that little is cloned and nothing is shared. */
export type AppendMessage = {
  readonly id: number;
  /** Number of batches of each call. */
  readonly calls: Int32Array;
  readonly topics: readonly string[];
  /** Five numbers a batch: index of the topic, partition, kind, count, bytes. */
  readonly columns: Int32Array;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/** The answers to one message; a batch without a `retry` in a call without an `error` lies at its offset. */
export type AnswerMessage = {
  readonly id: number;
  readonly offsets: BigInt64Array;
  readonly retries: readonly Retry[];
  readonly errors: readonly { readonly call: number; readonly error: FlatError }[];
};

type Retry = { readonly batch: number; readonly answer: AppendResult & { readonly kind: "retry" } };

type FlatError = {
  readonly code: BrokerErrorCode | undefined;
  readonly message: string;
  readonly retryable: boolean;
  readonly at: string | undefined;
};

const kinds = ["records", "watermarks"] as const;
const width = 5;

export function encodeCalls(id: number, calls: readonly (readonly RecordBatch[])[]): AppendMessage {
  const batches = calls.length === 1 ? calls[0]! : calls.flat();
  const topics: string[] = [];
  const columns = new Int32Array(batches.length * width);
  // All of it is written, none of it needs to be zero before.
  const bytes = Buffer.allocUnsafeSlow(batches.reduce((sum, batch) => sum + batch.bytes.length, 0));
  let at = 0;
  for (const [i, batch] of batches.entries()) {
    let topic = topics.indexOf(batch.topic);
    if (topic < 0) topic = topics.push(batch.topic) - 1;
    columns[i * width] = topic;
    columns[i * width + 1] = batch.partition;
    columns[i * width + 2] = kinds.indexOf(batch.kind);
    columns[i * width + 3] = batch.count;
    columns[i * width + 4] = batch.bytes.length;
    bytes.set(batch.bytes, at);
    at += batch.bytes.length;
  }
  return { id, calls: Int32Array.from(calls, ({ length }) => length), topics, columns, bytes };
}

/** The calls again; their batches are views into the one buffer. */
export function decodeCalls({ calls, topics, columns, bytes }: AppendMessage): RecordBatch[][] {
  let batch = 0;
  let at = 0;
  return Array.from(calls, (length) =>
    Array.from({ length }, () => {
      const [topic, partition, kind, count, size] = columns.subarray(batch * width, ++batch * width);
      const place = { topic: topics[topic!]!, partition: partition!, kind: kinds[kind!]! };
      return { ...place, count: count!, bytes: bytes.subarray(at, (at += size!)) };
    }),
  );
}

export function encodeAnswers(
  id: number,
  outcomes: readonly PromiseSettledResult<readonly AppendResult[]>[],
  calls: Int32Array,
): AnswerMessage {
  const offsets = new BigInt64Array(calls.reduce((sum, length) => sum + length, 0));
  const retries: Retry[] = [];
  const errors: { call: number; error: FlatError }[] = [];
  let first = 0;
  for (const [call, outcome] of outcomes.entries()) {
    if (outcome.status === "rejected") errors.push({ call, error: flatten(outcome.reason) });
    else {
      for (const [i, result] of outcome.value.entries()) {
        if (result.kind === "appended") offsets[first + i] = result.at.offset;
        else retries.push({ batch: first + i, answer: result });
      }
    }
    first += calls[call]!;
  }
  return { id, offsets, retries, errors };
}

/** One outcome a call, in order. */
export function decodeAnswers(
  { offsets, retries, errors }: AnswerMessage,
  calls: readonly (readonly RecordBatch[])[],
): (readonly AppendResult[] | Error)[] {
  const retryOf = new Map(retries.map(({ batch, answer }) => [batch, answer]));
  const errorOf = new Map(errors.map(({ call, error }) => [call, unflatten(error)]));
  let batch = -1;
  return calls.map((batches, call) => {
    const results = batches.map(({ topic, partition }): AppendResult => {
      batch += 1;
      return retryOf.get(batch) ?? { kind: "appended", at: { topic, partition, offset: offsets[batch]! } };
    });
    return errorOf.get(call) ?? results;
  });
}

function flatten(reason: unknown): FlatError {
  if (!(reason instanceof BrokerError)) return { code: undefined, message: String(reason), retryable: false, at: undefined };
  const { code, retryable, at } = reason;
  return { code, message: at === undefined ? reason.message : reason.message.slice(0, -` at ${at}`.length), retryable, at };
}

function unflatten({ code, message, retryable, at }: FlatError): Error {
  return code === undefined ? new Error(message) : new BrokerError(code, message, { retryable, ...(at === undefined ? {} : { at }) });
}
