import { BrokerError } from "#broker/broker-error.ts";
import { isRetriable } from "./wire/error-classes.ts";
import { bug, KafkaError } from "./wire/kafka-error.ts";

/** What the contract's callers are told: closed, not reached (try again), or refused by Kafka for good, with its names of the reason; a bug is shown as it was thrown. */
export function asBrokerError(error: unknown): Error {
  if (!(error instanceof KafkaError)) return error instanceof Error ? error : new Error(String(error));
  const { message, ids, cause } = error;
  if (ids.includes(bug)) return cause instanceof Error ? cause : error;
  if (ids.includes("CLOSED")) return new BrokerError("BROKER_CLOSED", message, { cause: error });
  if (ids.includes("UNKNOWN_TOPIC_OR_PARTITION")) return new BrokerError("BROKER_UNKNOWN_TOPIC", message, { cause: error });
  if (isRetriable(error)) return new BrokerError("BROKER_UNREACHABLE", message, { retryable: true, cause: error });
  return new BrokerError("BROKER_REFUSED", message, { cause: error });
}
