import { Reader, Writer } from "../wire/kafka-library.ts";
import { encodeSubscription, userDataOfSubscription } from "./protocol-bytes.ts";
import type { TaskList } from "./task-list.ts";

/** What a member says of itself when it joins. Tasks are numbers in the list whose hash is `topology`. */
export type MemberMetadata = {
  readonly topology: string;
  /** One of its own for every attempt to join: an assignment says which attempt it answers. */
  readonly attempt: bigint;
  /** The generation that the member was told last, in which it owns what it owns; -1 when it is new. */
  readonly generation: number;
  /** `host:port` where the member answers queries; empty when it does not. */
  readonly endpoint: string;
  readonly owned: readonly number[];
  /** Tasks whose state the member has, and how far behind it is. */
  readonly held: ReadonlyMap<number, number>;
};

const magic = 0x4d52; // "MR"
const format = 1;

export function encodeMetadata(metadata: MemberMetadata, list: TaskList): Buffer {
  const { topology, attempt, generation, endpoint, owned, held } = metadata;
  const writer = Writer.create().appendUnsignedInt16(magic).appendUnsignedInt8(format);
  writer.appendString(topology).appendUnsignedInt64(attempt).appendInt32(generation).appendString(endpoint);
  writer.appendArray([...owned], (to, task) => to.appendUnsignedVarInt(task), true, false);
  writer.appendArray([...held], (to, [task, lag]) => to.appendUnsignedVarInt(task).appendFloat64(lag), true, false);
  return encodeSubscription(list.topics, writer.buffer, list.inputsOf(owned));
}

/** Undefined when these are not the words of a member of ours that this version understands. */
export function decodeMetadata(bytes: Buffer): MemberMetadata | undefined {
  try {
    const reader = Reader.from(userDataOfSubscription(bytes));
    if (reader.readUnsignedInt16() !== magic || reader.readUnsignedInt8() !== format) return undefined;
    return {
      topology: reader.readString(),
      attempt: reader.readUnsignedInt64(),
      generation: reader.readInt32(),
      endpoint: reader.readString(),
      owned: reader.readArray((from) => from.readUnsignedVarInt(), true, false),
      held: new Map(reader.readArray((from): [number, number] => [from.readUnsignedVarInt(), from.readFloat64()], true, false)),
    };
  } catch {
    return undefined;
  }
}
