import { PublishBatchCommand, type PublishBatchCommandOutput, SNSClient } from "@aws-sdk/client-sns";
import type { Delivery, DeliveryResult, Sink, SinkLimits } from "@millrace/engine";
import { callsOf, mostBytes, type SnsEntry, type SnsMessage, snsEntryOf } from "./sns-message.ts";

export type SnsOptions = {
  /** It names the region; one that ends in `.fifo` is a FIFO topic. */
  readonly topicArn: string;
  /** What is published of a record. @throws what then refuses the record, as `unrenderable` */
  readonly render: (record: Delivery) => SnsMessage;
  /** Another place than Amazon's. */
  readonly endpoint?: URL;
  /** Calls at the same time for one partition. */
  readonly calls?: number;
};

/** What SNS says when a message of the call is wrong: of all of them, so each is asked for alone. */
const faultsOfOne = new Set(
  ["InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationError", "BatchRequestTooLong"].flatMap((name) => [
    name,
    `${name}Exception`,
  ]),
);
const answerChars = 1000;

type Placed = SnsEntry & { readonly index: number };

/**
 * Publishes records to a topic of Amazon SNS, ten and 256 KB a call, with the attributes `eventType`, `correlationId` and `recordId`. A message that SNS blames on
 * its sender is refused with code and message; whatever else fails is tried again. At least once, told by `recordId`; a FIFO topic drops what comes again within
 * 5 minutes. The login is found as Amazon's SDK finds it [D40–D44].
 */
export class SnsSink implements Sink {
  readonly limits: SinkLimits;
  readonly #client: SNSClient;
  readonly #topicArn: string;
  readonly #render;
  readonly #fifo: boolean;

  /** @throws {TypeError} when `topicArn` is not one of a topic */
  constructor({ topicArn, render, endpoint, calls = 4 }: SnsOptions) {
    const region = /^arn:[\w-]+:sns:([\w-]+):\d{12}:[\w-]{1,256}(\.fifo)?$/.exec(topicArn)?.[1];
    if (region === undefined) throw new TypeError(`no topic of SNS has the ARN ${topicArn}`);
    this.#topicArn = topicArn;
    this.#render = render;
    this.#fifo = topicArn.endsWith(".fifo");
    this.limits = { records: 10, bytes: mostBytes, calls };
    // One attempt: lanes and breaker have to see what fails.
    this.#client = new SNSClient({ region, maxAttempts: 1, ...(endpoint === undefined ? {} : { endpoint: endpoint.href }) });
  }

  async deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    const placed: Placed[] = [];
    for (const [index, record] of batch.entries()) {
      try {
        placed.push({ index, ...snsEntryOf(record, this.#render(record), { fifo: this.#fifo }) });
      } catch (error) {
        results[index] = { kind: "refused", reason: "unrenderable", answer: messageOf(error) };
      }
    }
    await Promise.all(
      callsOf(placed).map(async (call) => {
        for (const [index, result] of await this.#publish(call, signal)) results[index] = result;
      }),
    );
    return results;
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #publish(call: readonly Placed[], signal: AbortSignal): Promise<[index: number, DeliveryResult][]> {
    const command = new PublishBatchCommand({ TopicArn: this.#topicArn, PublishBatchRequestEntries: call.map(({ entry }) => entry) });
    try {
      const output = await this.#client.send(command, { abortSignal: signal });
      return call.map((placed) => [placed.index, resultOf(placed, output)]);
    } catch (error) {
      const { name } = error as Error;
      if (!faultsOfOne.has(name)) {
        const unanswered = isAnswer(error) ? {} : { unanswered: true as const };
        return call.map(({ index }) => [index, { kind: "retry", reason: reasonOf(error), ...unanswered }]);
      }
      if (call.length === 1) return [[call[0]!.index, { kind: "refused", reason: `sns-${name}`, answer: messageOf(error) }]];
      // One behind the other: this is rare, and a call of ten stays what SNS was asked for at once.
      const results: [number, DeliveryResult][] = [];
      for (const one of call) results.push(...(await this.#publish([one], signal)));
      return results;
    }
  }
}

function resultOf({ entry }: SnsEntry, { Successful = [], Failed = [] }: PublishBatchCommandOutput): DeliveryResult {
  if (Successful.some(({ Id }) => Id === entry.Id)) return { kind: "delivered" };
  const failed = Failed.find(({ Id }) => Id === entry.Id);
  if (failed === undefined) return { kind: "retry", reason: "sns-unanswered" };
  const { Code = "unknown", Message = "", SenderFault = false } = failed;
  // Amazon calls it the sender's fault to be too quick, too.
  if (!SenderFault || /throttl/i.test(Code)) return { kind: "retry", reason: `sns-${Code}` };
  return { kind: "refused", reason: `sns-${Code}`, answer: `${Code}: ${Message}`.slice(0, answerChars) };
}

/** The SDK notes the status of what was answered; without one, SNS may have taken all of it. */
const isAnswer = (error: unknown): boolean =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode !== undefined;

/** Names of the SDK's errors say more than their messages, those of the line less. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "Error" ? messageOf(error) : `sns-${error.name}`;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, answerChars);
}
