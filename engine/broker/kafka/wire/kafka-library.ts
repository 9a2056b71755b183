import type * as Kafka from "@platformatic/kafka";
import { apis, errors, network, protocol } from "./kafka-library-parts.ts";

// What we use of the Kafka library. Name by name, so that a bundler sees what is not used.

export const addOffsetsToTxnV4 = apis.addOffsetsToTxnV4;
export const addPartitionsToTxnV3 = apis.addPartitionsToTxnV3;
export const apiVersionsV3 = apis.apiVersionsV3;
export const ConfigResourceTypes = apis.ConfigResourceTypes;
export const createAPI = apis.createAPI;
export const createTopicsV7 = apis.createTopicsV7;
export const deleteRecordsV2 = apis.deleteRecordsV2;
export const describeConfigsV4 = apis.describeConfigsV4;
export const describeProducersV0 = apis.describeProducersV0;
export const endTxnV4 = apis.endTxnV4;
export const fetchV13 = apis.fetchV13;
export const findCoordinatorV4 = apis.findCoordinatorV4;
export const heartbeatV4 = apis.heartbeatV4;
export const initProducerIdV5 = apis.initProducerIdV5;
export const joinGroupV9 = apis.joinGroupV9;
export const leaveGroupV5 = apis.leaveGroupV5;
export const listOffsetsV7 = apis.listOffsetsV7;
export const metadataV12 = apis.metadataV12;
export const offsetFetchV9 = apis.offsetFetchV9;
export const offsetForLeaderEpochV4 = apis.offsetForLeaderEpochV4;
export const syncGroupV5 = apis.syncGroupV5;
export const txnOffsetCommitV4 = apis.txnOffsetCommitV4;
export const AuthenticationError = errors.AuthenticationError;
export const GenericError = errors.GenericError;
export const MultipleErrors = errors.MultipleErrors;
export const NetworkError = errors.NetworkError;
export const UserError = errors.UserError;
export const ConnectionPool = network.ConnectionPool;
export const compressionsAlgorithms = protocol.compressionsAlgorithms;
export const crc32c = protocol.crc32c;
export const protocolErrorsCodesById = protocol.protocolErrorsCodesById;
export const Reader = protocol.Reader;
export const Writer = protocol.Writer;

export type API<RequestArguments extends unknown[], ResponseType> = Kafka.API<RequestArguments, ResponseType>;
export type AuthenticationError = Kafka.AuthenticationError;
export type Connection = Kafka.Connection;
export type ConnectionOptions = Kafka.ConnectionOptions;
export type ConnectionPool = Kafka.ConnectionPool;
export type Reader = Kafka.Reader;
export type ResponseParser<ReturnType> = Kafka.ResponseParser<ReturnType>;
export type Writer = Kafka.Writer;
