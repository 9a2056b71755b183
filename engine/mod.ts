export {
  taskId,
  splitTaskId,
  type Appender,
  type AppendResult,
  type Broker,
  type Commit,
  type CommitResult,
  type FetchedBatch,
  type FetchLimits,
  type GroupSpec,
  type Membership,
  type MembershipHooks,
  type Position,
  type RecordBatch,
  type StoreDelta,
  type TaskCheckpoint,
  type TaskCommit,
  type TaskId,
  type TopicSpec,
} from "#broker/broker.ts";
export { heapFlags, setHeapFlags } from "#broker/heap-settings.ts";
export { BrokerError, type BrokerErrorCode } from "#broker/broker-error.ts";
export { partitionOf } from "#broker/partitioner.ts";
export {
  RecordBatchBuilder,
  decodeHeaders,
  encodeHeaders,
  headerBytesOf,
  indexBatch,
  keyOf,
  keyTextOf,
  noHeaders,
  valueOf,
  type BatchIndex,
  type HeaderList,
  type NewRecord,
} from "#broker/record-batch.ts";
export type { Codec } from "#state/codec.ts";
export {
  keyValueStore,
  windowStore,
  type KeyValueStore,
  type KeyValueStoreSpec,
  type StoreSpec,
  type WindowStore,
  type WindowStoreSpec,
} from "#state/store.ts";
export { aggregateByKey, firstAsItIs, reduceByKey, type Aggregator } from "#operators/aggregate.ts";
export { branchNode, type Branch } from "#operators/branch.ts";
export type { Cell, CurrentRecord, EmitAs, NodeContext, Timer } from "#operators/context.ts";
export { dedupe, seenCodec, type DedupeSpec } from "#operators/dedupe.ts";
export { chainNode, type BoundProcessor, type OpenStores } from "#operators/node.ts";
export { defineProcessor, type ConfigSchema, type Port, type Processor, type ProcessorDefinition } from "#operators/processor.ts";
export { RecordError } from "#operators/record-error.ts";
export {
  dropNull,
  filterChange,
  filterValue,
  flatMapRecord,
  flatMapValue,
  mapRecord,
  mapValue,
  requireValue,
} from "#operators/stateless.ts";
export { step } from "#operators/step.ts";
export { asTable, upsert } from "#operators/table.ts";
export { timestamped, type Timestamped } from "#operators/timestamped.ts";
export { aggregateByWindow, type WindowSpec } from "#operators/window-aggregate.ts";
export { deadLetterOf, deadLetterHeader, type DeadLetter } from "#task/dead-letter.ts";
export { countsOf, type NodeCounts } from "#task/node-counts.ts";
export { storeIdOf } from "#task/pipeline.ts";
export {
  deadLetterTopicOf,
  groupOf,
  repartitionTopicOf,
  type NodePlan,
  type Plan,
  type SinkPlan,
  type SourcePlan,
  type SubTopologyPlan,
  type Target,
} from "#task/plan.ts";
export type { Task } from "#task/task.ts";
export { defaultRetry, type RetryPolicy } from "#task/failure.ts";
export { WorkerError, type WorkerErrorCode } from "#task/worker-error.ts";
export { noWorkerEvents, type WorkerEvents } from "#task/worker-events.ts";
export type { Asked, ReadableTask, StoreAccess } from "#task/committed-reads.ts";
export type { CommittedChanges, CommitWatcher } from "#task/commit-watch.ts";
export { DeltaReader, deltaOps } from "#broker/store-delta.ts";
export { Worker } from "#task/worker.ts";
export type { WorkerOptions } from "#task/worker-options.ts";
export { TopologyDriver, driverCommitSteps, type DriverCommitStep, type DriverInput, type DriverOptions } from "#testing/driver.ts";
export type { DriverRecord } from "#testing/memory-log.ts";
export { openEmbeddedBroker, type EmbeddedBroker, type EmbeddedBrokerOptions } from "#broker/embedded/embedded-broker.ts";
export { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
export { encodeTuple, decodeTuple } from "#state/tuple-key.ts";
export { earliest } from "#broker/broker.ts";
export type { InputLag, TaskProgress, WorkerSnapshot } from "#task/worker-snapshot.ts";
export { compareKeys } from "#state/key-order.ts";
export { formatToken, parseTokens, type ParsedTokens } from "#broker/token.ts";
export { serveAppender } from "#broker/embedded/port.ts";
export { openKafka, type KafkaLog, type KafkaLogOptions } from "#state/local/open-kafka.ts";
export { ClusterProbe } from "#broker/kafka/cluster-probe.ts";
export { parseClusterUrl } from "#broker/kafka/wire/cluster-url.ts";
export { ClusterUrlError } from "#broker/kafka/wire/cluster-url-error.ts";
export type { ClusterSettings } from "#broker/kafka/wire/cluster.ts";
export { type KafkaEvents, noKafkaEvents, type RestoreProgress } from "#broker/kafka/kafka-events.ts";
export type { Owner } from "#broker/kafka/group/group-view.ts";
export type { Rebalance } from "#broker/kafka/group/rebalance.ts";
export type { TopicDefaults } from "#broker/kafka/admin/topic-settings.ts";
export type { Delivery, DeliveryResult, Sink, SinkLimits } from "#delivery/sink.ts";
export { Deliverer, type DelivererOptions, type DeliveryLag, type DeliverySnapshot } from "#delivery/deliverer.ts";
export type { WantedRecord } from "#delivery/partition-lane.ts";
export { type BreakerPolicy, type BreakerState, defaultBreaker } from "#delivery/breaker.ts";
export { type DeliveryEvents, noDeliveryEvents } from "#delivery/delivery-events.ts";
export { LetterDesk, type LetterDeskOptions } from "#delivery/letter-desk.ts";
export { LetterError, type LetterErrorCode, letterErrorCodes } from "#delivery/letter-error.ts";
export { type LetterRefusal, letterRefusals } from "#delivery/letter-address.ts";
export { letterJournalOf, type Settlement, type SettledLetters } from "#delivery/letter-journal.ts";
export { letterName, type LetterPlace, parseLetterName, topicOfLetters } from "#delivery/letter-place.ts";
export type { LetterFilter, SettleReport, SettleRequest } from "#delivery/letter-request.ts";
export { partitionsWithLetters, type ReadLetter, readLetters } from "#delivery/read-letters.ts";
export { headersBeforeLetter, type LetterExtent } from "#task/dead-letter.ts";
