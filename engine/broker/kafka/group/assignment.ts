import { Reader, Writer } from "../wire/kafka-library.ts";
import { encodeAssignedPartitions, userDataOfAssignment } from "./protocol-bytes.ts";
import type { TopicPartitions } from "./task-list.ts";

/**
 * `complete`: what each member has is what it is to have. `incomplete`: who has more than its tasks must give the rest back and join again.
 * `refused`: the group runs another topology.
 */
const statuses = ["complete", "incomplete", "refused"] as const;
export type AssignmentStatus = (typeof statuses)[number];

/** What a leader tells one member. Tasks are numbers in the list whose hash is `topology`. */
export type Assignment = {
  readonly status: AssignmentStatus;
  /** The topology of the group. */
  readonly topology: string;
  /** The attempt to join that this answers, of the member or of the process that had its name before. */
  readonly attempt: bigint;
  /** Whether what the member said it owns counted; if not, others may have it already. */
  readonly accepted: boolean;
  readonly tasks: readonly number[];
  readonly members: readonly { readonly id: string; readonly endpoint: string }[];
  /** For each task the place of its owner in `members`, or -1; in an incomplete round those who have to give it back are still its owners. */
  readonly owners: readonly number[];
  /** For each task that has an owner the generation since which it is known to have it without a break. */
  readonly since: readonly number[];
};

const magic = 0x4d52;
const format = 1;

export function encodeAssignment(assignment: Assignment, partitions: TopicPartitions): Buffer {
  const { status, topology, attempt, accepted, tasks, members, owners, since } = assignment;
  const writer = Writer.create().appendUnsignedInt16(magic).appendUnsignedInt8(format).appendUnsignedInt8(statuses.indexOf(status));
  writer.appendString(topology).appendUnsignedInt64(attempt).appendBoolean(accepted);
  writer.appendArray([...tasks], (to, task) => to.appendUnsignedVarInt(task), true, false);
  writer.appendArray([...members], (to, { id, endpoint }) => to.appendString(id).appendString(endpoint), true, false);
  writer.appendArray([...owners], (to, owner) => to.appendUnsignedVarInt(owner + 1), true, false);
  writer.appendArray([...since], (to, generation) => to.appendUnsignedVarInt(generation), true, false);
  return encodeAssignedPartitions(partitions, writer.buffer);
}

/** Undefined when no leader of ours that this version understands wrote it; Kafka itself gives a member that a leader left out no bytes. */
export function decodeAssignment(bytes: Buffer): Assignment | undefined {
  try {
    const reader = Reader.from(userDataOfAssignment(bytes));
    if (reader.readUnsignedInt16() !== magic || reader.readUnsignedInt8() !== format) return undefined;
    const status = statuses[reader.readUnsignedInt8()];
    if (status === undefined) return undefined;
    return {
      status,
      topology: reader.readString(),
      attempt: reader.readUnsignedInt64(),
      accepted: reader.readBoolean(),
      tasks: reader.readArray((from) => from.readUnsignedVarInt(), true, false),
      members: reader.readArray((from) => ({ id: from.readString(), endpoint: from.readString() }), true, false),
      owners: reader.readArray((from) => from.readUnsignedVarInt() - 1, true, false),
      since: reader.readArray((from) => from.readUnsignedVarInt(), true, false),
    };
  } catch {
    return undefined;
  }
}
