import {
  addOffsetsToTxnV4,
  addPartitionsToTxnV3,
  endTxnV4,
  initProducerIdV5,
  type Reader,
  txnOffsetCommitV4,
} from "../wire/kafka-library.ts";
import type { ProducerIdentity } from "../produce/sequences.ts";
import type { Request } from "../wire/kafka-client.ts";
import { errorId, KafkaError } from "../wire/kafka-error.ts";
import type { MemberIdentity, OffsetToCommit } from "./transaction.ts";

/** Which protocol: 1 is that of KIP-98 with KIP-447, 2 that of KIP-890, where partitions and groups need not be added first and each end raises the epoch. */
export type TransactionVersion = 1 | 2;

/** Asks for the id and epoch to produce with. Those of nobody fence every predecessor; one's own are raised, and refused when there is a successor. */
export function initProducerId(
  transactionalId: string | null,
  timeoutMs: number,
  { producerId, producerEpoch }: ProducerIdentity,
): Request<ProducerIdentity> {
  return {
    key: 22,
    version: 5,
    payload: () => initProducerIdV5.createRequest(transactionalId, timeoutMs, producerId, producerEpoch),
    parse: initProducerIdV5.parseResponse,
  };
}

export const nobody: ProducerIdentity = { producerId: -1n, producerEpoch: -1 };

/** Version 3: later ones are for brokers, and an authorizer refuses them. */
export function addPartitions(
  transactionalId: string,
  { producerId, producerEpoch }: ProducerIdentity,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): Request<unknown> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, those]) => ({
    name,
    partitions: those.map(({ partition }) => partition),
  }));
  return {
    key: 24,
    version: 3,
    payload: () => addPartitionsToTxnV3.createRequest([{ transactionalId, producerId, producerEpoch, verifyOnly: false, topics }]),
    parse: addPartitionsToTxnV3.parseResponse,
  };
}

export function addOffsets(transactionalId: string, { producerId, producerEpoch }: ProducerIdentity, group: string): Request<unknown> {
  return {
    key: 25,
    version: 4,
    payload: () => addOffsetsToTxnV4.createRequest(transactionalId, producerId, producerEpoch, group),
    parse: addOffsetsToTxnV4.parseResponse,
  };
}

export type OffsetsToSend = {
  readonly transactionalId: string;
  readonly version: TransactionVersion;
  readonly identity: ProducerIdentity;
  readonly group: string;
  readonly member: MemberIdentity;
  readonly offsets: readonly OffsetToCommit[];
};

/** Versions 4 and 5 have the same bytes; 5 adds the group to the transaction by itself. */
export function txnOffsetCommit({ transactionalId, version, identity, group, member, offsets }: OffsetsToSend): Request<unknown> {
  const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, those]) => ({
    name,
    partitions: those.map(({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    })),
  }));
  const { producerId, producerEpoch } = identity;
  const { generationId, memberId, groupInstanceId } = member;
  return {
    key: 28,
    version: version === 2 ? 5 : 4,
    payload: () =>
      txnOffsetCommitV4.createRequest(transactionalId, group, producerId, producerEpoch, generationId, memberId, groupInstanceId, topics),
    parse: txnOffsetCommitV4.parseResponse,
  };
}

/** Answers the id and epoch for the next transaction in protocol 2, undefined in protocol 1, where they stay. */
export function endTxn(
  transactionalId: string,
  { producerId, producerEpoch }: ProducerIdentity,
  { version, commit }: { readonly version: TransactionVersion; readonly commit: boolean },
): Request<ProducerIdentity | undefined> {
  return {
    key: 26,
    version: version === 2 ? 5 : 4,
    payload: () => endTxnV4.createRequest(transactionalId, producerId, producerEpoch, commit),
    parse: (_correlation, _key, answered, reader) => parseEnd(reader, answered, commit ? "commit" : "abort"),
  };
}

function parseEnd(reader: Reader, version: number, doing: string): ProducerIdentity | undefined {
  reader.readInt32();
  const id = errorId(reader.readInt16());
  const next = version < 5 ? undefined : { producerId: reader.readInt64(), producerEpoch: reader.readInt16() };
  if (id !== "NONE") throw new KafkaError(`${doing}: ${id}`, [id]);
  return next;
}
