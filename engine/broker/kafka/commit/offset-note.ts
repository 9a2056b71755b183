import type { TaskId } from "#broker/broker.ts";

/**
 * What a commit notes beside each offset (Kafka's metadata string of a committed offset): whose it is and which commit's. Every input of a task carries
 * it, so the number, which settles lost answers, is read where the positions are, and any input may leave the topology. They also carry the task's meta
 * when the commit changed no state and the meta is small: such a commit writes nothing to the changelog.
 */
export type OffsetNote = {
  readonly task: TaskId;
  /** Who committed it: a name of one member in one process, never used again. Numbers alone are not enough, since a successor goes on with the next one. */
  readonly by: string;
  readonly number: bigint;
  /** The last commit of the task that wrote to its changelog; 0n when none did. */
  readonly changelogNumber: bigint;
  /** Kafka's id of the changelog that it was written to: one of the same name that was made later does not hold it. */
  readonly changelog: string;
  /** Undefined: in the changelog, under `changelogNumber`. */
  readonly meta: Uint8Array | undefined;
};

/** Brokers take 4096 characters unless told otherwise (`offset.metadata.max.bytes`). */
const maxMetaBytes = 2400;

export const fitsNote = (meta: Uint8Array): boolean => meta.length <= maxMetaBytes;

export function encodeNote({ task, by, number, changelogNumber, changelog, meta }: OffsetNote): string {
  const parts = [task, by, number.toString(36), changelogNumber.toString(36), changelog];
  if (meta !== undefined) parts.push(Buffer.from(meta.buffer, meta.byteOffset, meta.byteLength).toString("base64"));
  return `millrace1 ${parts.join(" ")}`;
}

/** Undefined for offsets that somebody else committed. */
export function decodeNote(text: string | null): OffsetNote | undefined {
  const match = /^millrace1 (\S+) ([\w-]+) ([0-9a-z]+) ([0-9a-z]+) ([\w-]+)(?: ([A-Za-z0-9+/=]*))?$/.exec(text ?? "");
  if (match === null) return undefined;
  const [, task, by, number, changelogNumber, changelog, meta] = match;
  return {
    task: task as TaskId,
    by: by!,
    number: fromBase36(number!),
    changelogNumber: fromBase36(changelogNumber!),
    changelog: changelog!,
    meta: meta === undefined ? undefined : Buffer.from(meta, "base64"),
  };
}

function fromBase36(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value;
}
