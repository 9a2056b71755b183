import { bug, type KafkaError, network } from "./kafka-error.ts";

/** Who answers has changed or is not known: ask who it is now, then send the identical request again. */
const moved: readonly string[] = [
  network,
  "NOT_COORDINATOR",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "REPLICA_NOT_AVAILABLE",
  "KAFKA_STORAGE_ERROR",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "UNKNOWN_TOPIC_ID",
  "INCONSISTENT_TOPIC_ID",
  "NOT_CONTROLLER",
  "BROKER_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
  "OFFSET_NOT_AVAILABLE",
  "LISTENER_NOT_FOUND",
  "BROKER_ID_NOT_REGISTERED",
];
/** The same one will answer in a moment. */
const busy: readonly string[] = [
  "COORDINATOR_LOAD_IN_PROGRESS",
  "CONCURRENT_TRANSACTIONS",
  "UNSTABLE_OFFSET_COMMIT",
  "THROTTLING_QUOTA_EXCEEDED",
  "FETCH_SESSION_ID_NOT_FOUND",
];
/** A successor has taken over the transactional id; what this producer had open is gone (KIP-360, KIP-447, KIP-890). */
const producerFenced: readonly string[] = [
  "PRODUCER_FENCED",
  "INVALID_PRODUCER_EPOCH",
  "INVALID_PRODUCER_ID_MAPPING",
  "TRANSACTION_COORDINATOR_FENCED",
];
/** The group goes on without this member, or with another generation of it. */
const memberFenced: readonly string[] = ["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID"];
/** The same request would be refused each time, until somebody changes a setting, what is sent or the code. */
const refused: readonly string[] = [
  bug,
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
  "INVALID_TOPIC_EXCEPTION",
  "INVALID_REQUIRED_ACKS",
  "OFFSET_METADATA_TOO_LARGE",
  "INVALID_COMMIT_OFFSET_SIZE",
  "POLICY_VIOLATION",
  "UNSUPPORTED_COMPRESSION_TYPE",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
  "UNSUPPORTED_VERSION",
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
  "UNKNOWN_TOPIC_OR_PARTITION",
];

export const hasMoved = (error: KafkaError): boolean => error.is(...moved);
export const isBusy = (error: KafkaError): boolean => error.is(...busy);
export const isRetriable = (error: KafkaError): boolean => hasMoved(error) || isBusy(error);
export const isProducerFenced = (error: KafkaError): boolean => error.is(...producerFenced);
export const isRefused = (error: KafkaError): boolean => error.is(...refused);
export const isMemberFenced = (error: KafkaError): boolean => error.is(...memberFenced);
