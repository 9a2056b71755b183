import { createHash } from "node:crypto";
import type { MessageAttributeValue, PublishBatchRequestEntry } from "@aws-sdk/client-sns";
import type { Delivery } from "@millrace/engine";

export type SnsMessage = {
  readonly message: string;
  /** Of mails that the topic sends; what SNS does not take in one is replaced. */
  readonly subject?: string | undefined;
  /** By which subscribers filter. */
  readonly eventType: string;
  readonly correlationId?: string | undefined;
  /** More of these, seven at most: SQS takes ten in all. Numbers can be filtered as such. */
  readonly attributes?: Readonly<Record<string, string | number>>;
};

/** Of a message with its attributes, and of all messages of a call (docs.aws.amazon.com/sns, PublishBatch). */
export const mostBytes = 262_144;
/** Behind them SQS drops a message that is delivered raw, and says so to nobody. */
const mostAttributes = 10;
const subjectChars = 100;
const nameRule = /^(?!AWS\.|Amazon\.)(?!\.)(?!.*\.\.)(?!.*\.$)[\w.-]{1,256}$/i;
/** Of groups and of ids for deduplication. */
const tokenRule = /^[\x21-\x7e]{1,128}$/;

export type SnsEntry = { readonly entry: PublishBatchRequestEntry; readonly bytes: number };

/**
 * A record as an entry of PublishBatch. On a FIFO topic its group is the record's key (hashed where SNS would not take it) and its id for deduplication a hash of
 * the record's. @throws {RangeError} when SNS cannot take it
 */
export function snsEntryOf(record: Delivery, message: SnsMessage, { fifo }: { readonly fifo: boolean }): SnsEntry {
  if (message.message === "") throw new RangeError("an empty message");
  const attributes = attributesOf(record, message);
  const subject = message.subject === undefined ? "" : subjectOf(message.subject);
  const bytes = Buffer.byteLength(message.message) + subject.length + bytesOf(attributes);
  if (bytes > mostBytes) throw new RangeError(`a message of ${bytes} bytes with its attributes; SNS takes ${mostBytes}`);
  const once = hashOf(record.id);
  const entry = {
    Id: once,
    Message: message.message,
    MessageAttributes: attributes,
    ...(subject === "" ? {} : { Subject: subject }),
    ...(fifo ? { MessageGroupId: groupOf(record.key) ?? once, MessageDeduplicationId: once } : {}),
  };
  return { entry, bytes };
}

/** Entries in the order given, in calls of ten and 256 KB at most. */
export function callsOf<E extends SnsEntry>(entries: readonly E[]): E[][] {
  const calls: E[][] = [];
  let last: E[] | undefined;
  let bytes = 0;
  for (const entry of entries) {
    if (last === undefined || last.length === 10 || bytes + entry.bytes > mostBytes) {
      last = [];
      bytes = 0;
      calls.push(last);
    }
    last.push(entry);
    bytes += entry.bytes;
  }
  return calls;
}

/** Undefined for a record without a key: it waits for nobody, so it has a group of its own. */
function groupOf(key: string | null): string | undefined {
  if (key === null) return undefined;
  return tokenRule.test(key) ? key : hashOf(key);
}

function attributesOf({ id }: Delivery, { eventType, correlationId, attributes = {} }: SnsMessage): Record<string, MessageAttributeValue> {
  const all: [string, string | number][] = [...Object.entries(attributes), ["eventType", eventType]];
  if (correlationId !== undefined) all.push(["correlationId", correlationId]);
  all.push(["recordId", id]);
  const made = new Map(all.map(([name, value]) => [name, attributeOf(name, value)]));
  if (made.size > mostAttributes) throw new RangeError(`${made.size} attributes; ${mostAttributes} can be delivered`);
  return Object.fromEntries(made);
}

function attributeOf(name: string, value: string | number): MessageAttributeValue {
  if (!nameRule.test(name)) throw new RangeError(`SNS takes no attribute of the name ${JSON.stringify(name)}`);
  if (value === "" || (typeof value === "number" && !Number.isFinite(value))) throw new RangeError(`the attribute ${name} has no value`);
  return { DataType: typeof value === "number" ? "Number" : "String", StringValue: String(value) };
}

function bytesOf(attributes: Record<string, MessageAttributeValue>): number {
  return Object.entries(attributes).reduce(
    (sum, [name, { DataType, StringValue }]) => sum + name.length + DataType!.length + Buffer.byteLength(StringValue!),
    0,
  );
}

/** SNS takes up to 100 characters of ASCII on one line. */
function subjectOf(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll(/[^\x20-\x7e]/gu, "?")
    .trim()
    .slice(0, subjectChars)
    .trimEnd();
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
