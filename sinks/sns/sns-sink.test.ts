import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { buildApp } from "fauxqs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance, type SinkFault } from "#engine/delivery/conformance.ts";
import { deliveryOf } from "../proving/delivery-of.ts";
import type { SnsMessage } from "./sns-message.ts";
import { SnsSink } from "./sns-sink.ts";

const region = "eu-central-1";
const form = "application/x-www-form-urlencoded";

type Attribute = { readonly Type: string; readonly Value: string };
type Received = {
  readonly message: string;
  readonly subject: string | undefined;
  readonly attributes: Record<string, Attribute>;
  readonly group: string | undefined;
  readonly once: string | undefined;
};

/** SNS and SQS in this process, a topic with a queue behind a filter policy, and a line to them that can fail. */
class Cloud {
  fault: SinkFault = "none";
  /** Answers instead of SNS. */
  answer: ((response: ServerResponse, entries: readonly string[]) => void) | undefined;
  readonly sizes: number[] = [];
  topicArn = "";
  private readonly app = buildApp({ logger: false });
  private readonly line: Server = createServer((request, response) => void this.pass(request, response));
  private linePort = 0;
  private origin = "";
  private sqs!: SQSClient;
  private queueUrl = "";
  private readonly received: Received[] = [];

  async open({ fifo }: { readonly fifo: boolean }): Promise<void> {
    this.origin = await this.app.listen({ port: 0, host: "127.0.0.1" });
    await this.listen();
    const suffix = fifo ? ".fifo" : "";
    this.sqs = new SQSClient({ region, endpoint: this.origin });
    const sns = new SNSClient({ region, endpoint: this.origin });
    const fifoTopic = fifo ? { Attributes: { FifoTopic: "true" } } : {};
    const fifoQueue = fifo ? { Attributes: { FifoQueue: "true" } } : {};
    this.topicArn = (await sns.send(new CreateTopicCommand({ Name: `low-stock${suffix}`, ...fifoTopic }))).TopicArn!;
    this.queueUrl = (await this.sqs.send(new CreateQueueCommand({ QueueName: `buyers${suffix}`, ...fifoQueue }))).QueueUrl!;
    const asked = new GetQueueAttributesCommand({ QueueUrl: this.queueUrl, AttributeNames: ["QueueArn"] });
    const Endpoint = (await this.sqs.send(asked)).Attributes!["QueueArn"]!;
    const policy = JSON.stringify({ eventType: ["inventory.low"] });
    await sns.send(new SubscribeCommand({ TopicArn: this.topicArn, Protocol: "sqs", Endpoint, Attributes: { FilterPolicy: policy } }));
    sns.destroy();
  }

  get endpoint(): URL {
    return new URL(`http://127.0.0.1:${this.linePort}`);
  }

  async behave(fault: SinkFault): Promise<void> {
    this.fault = fault;
    // Otherwise none is cut: what hangs, the sink lets go itself, and a line that breaks would cost a record one attempt more.
    if (fault === "down") {
      this.line.closeAllConnections();
      await new Promise<void>((settle) => void this.line.close(() => settle()));
    } else if (!this.line.listening) await this.listen();
  }

  /** What is in the queue, in its order. */
  async messages(): Promise<readonly Received[]> {
    for (;;) {
      const command = new ReceiveMessageCommand({
        QueueUrl: this.queueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ["MessageGroupId", "MessageDeduplicationId"],
      });
      const { Messages = [] } = await this.sqs.send(command);
      if (Messages.length === 0) return this.received;
      // The next of a group comes when this one is gone.
      const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
      await this.sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.queueUrl, Entries }));
      for (const { Body, Attributes } of Messages) {
        const { Message, Subject, MessageAttributes } = JSON.parse(Body!) as {
          Message: string;
          Subject?: string;
          MessageAttributes: Record<string, Attribute>;
        };
        const group = Attributes?.MessageGroupId;
        const once = Attributes?.MessageDeduplicationId;
        this.received.push({ message: Message, subject: Subject, attributes: MessageAttributes, group, once });
      }
    }
  }

  async close(): Promise<void> {
    this.sqs.destroy();
    this.line.closeAllConnections();
    if (this.line.listening) await new Promise<void>((settle) => void this.line.close(() => settle()));
    await this.app.close();
  }

  private async listen(): Promise<void> {
    await new Promise<void>((settle) => this.line.listen(this.linePort, "127.0.0.1", settle));
    this.linePort = (this.line.address() as AddressInfo).port;
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = new URLSearchParams(Buffer.concat(parts).toString());
    const entries = [...body.keys()].filter((name) => /member\.\d+\.Id$/.test(name)).map((name) => body.get(name)!);
    this.sizes.push(entries.length);
    if (this.answer !== undefined) return this.answer(response, entries);
    if (this.fault === "hangs") return;
    if (this.fault === "busy") return fail(response, 429, "Throttled");
    // It refuses what is too long by itself, and on a FIFO topic what has no group.
    if (this.fault === "refuses") {
      const bad = [...body].filter(([name, text]) => name.endsWith(".Message") && text.startsWith("bad"));
      for (const [name, text] of bad) {
        if (this.topicArn.endsWith(".fifo")) body.delete(name.replace(/Message$/, "MessageGroupId"));
        else body.set(name, text.padEnd(262_145, "x"));
      }
    }
    const { host: _, "content-length": __, ...headers } = request.headers as Record<string, string>;
    const answer = await fetch(this.origin, { method: "POST", headers: { ...headers, "content-type": form }, body: body.toString() });
    const text = await answer.text();
    if (this.fault === "cuts") return void request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "text/xml" }).end(text);
  }
}

function fail(response: ServerResponse, status: number, code: string, type = "Sender"): void {
  const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>SNS says ${code}</Message></Error>`;
  response.writeHead(status, { "content-type": "text/xml" }).end(`<ErrorResponse>${error}<RequestId>r</RequestId></ErrorResponse>`);
}

const render = ({ key, value }: Delivery): SnsMessage => ({
  message: `${key}=${Buffer.from(value!).toString()}`,
  eventType: "inventory.low",
  correlationId: "c-1",
});

beforeAll(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
});
afterAll(() => vi.unstubAllEnvs());

for (const fifo of [false, true]) {
  sinkConformance(`sns, ${fifo ? "FIFO" : "standard"} topic: the laws of delivery`, async () => {
    const cloud = new Cloud();
    await cloud.open({ fifo });
    return {
      sink: new SnsSink({ topicArn: cloud.topicArn, render, endpoint: cloud.endpoint }),
      keeps: "every",
      behave: (fault) => cloud.behave(fault),
      effects: async () => {
        // A standard topic tells everything; its subscriber takes each id once.
        const taken = new Map<string, Received>();
        for (const [i, one] of (await cloud.messages()).entries()) {
          const id = fifo ? String(i) : one.attributes["recordId"]!.Value;
          if (!taken.has(id)) taken.set(id, one);
        }
        return [...taken.values()].map(({ message }) => {
          const [key, value] = message.split("=") as [string, string];
          return { key, value };
        });
      },
      close: () => cloud.close(),
    };
  });
}

describe("sns", () => {
  let cloud: Cloud;
  beforeEach(() => void (cloud = new Cloud()));
  afterEach(() => cloud.close());

  const never = new AbortController().signal;
  const publish = async (records: readonly Delivery[], as: (record: Delivery) => SnsMessage = render) => {
    const sink = new SnsSink({ topicArn: cloud.topicArn, render: as, endpoint: cloud.endpoint });
    const results = await sink.deliver(records, never);
    await sink.close();
    return results;
  };
  const delivered = { kind: "delivered" };

  test("[D40] a message has the type of its event, what it belongs to and its record's id, by which subscribers filter and tell", async () => {
    await cloud.open({ fifo: false });
    const as = (one: Delivery): SnsMessage => ({
      ...render(one),
      eventType: one.at.offset === 1n ? "inventory.low" : "inventory.received",
      subject: "Nur noch\r\nBcc: fünf",
      attributes: { units: 5 },
    });
    expect(await publish([deliveryOf(1n, "a"), deliveryOf(2n, "b")], as)).toEqual([delivered, delivered]);
    expect(await cloud.messages()).toEqual([
      {
        message: "a=v",
        subject: "Nur noch Bcc: f?nf",
        attributes: {
          units: { Type: "Number", Value: "5" },
          eventType: { Type: "String", Value: "inventory.low" },
          correlationId: { Type: "String", Value: "c-1" },
          recordId: { Type: "String", Value: "t/0/1" },
        },
        group: undefined,
        once: undefined,
      },
    ]);
  });

  test("[D41] a FIFO topic has a group a key, and drops a record that comes again", async () => {
    await cloud.open({ fifo: true });
    await publish([deliveryOf(1n, "a"), deliveryOf(2n, "mit Leerzeichen"), deliveryOf(3n, null)]);
    await publish([{ ...deliveryOf(1n, "a"), attempt: 1 }]);
    const there = await cloud.messages();
    expect(there.map(({ message }) => message)).toEqual(["a=v", "mit Leerzeichen=v", "null=v"]);
    const [a, b, c] = there as [Received, Received, Received];
    expect(a.group).toBe("a");
    for (const text of [b.group, c.group, a.once, b.once]) expect(text).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set([a.once, b.once, c.once]).size).toBe(3);
  });

  test("[D42] calls keep to ten messages and 256 KB", async () => {
    await cloud.open({ fifo: false });
    const big = (one: Delivery): SnsMessage => ({ ...render(one), message: "x".repeat(60_000) });
    expect(
      await publish(
        Array.from({ length: 10 }, (_, i) => deliveryOf(BigInt(i), `k${i}`)),
        big,
      ),
    ).toEqual(Array(10).fill(delivered));
    expect(cloud.sizes.toSorted((a, b) => a - b)).toEqual([2, 4, 4]);
    expect(await cloud.messages()).toHaveLength(10);
  });

  test("[D42] what is too long with its attributes is refused, and the rest of its call goes", async () => {
    await cloud.open({ fifo: false });
    const attributes = ["eventType", "inventory.low", "correlationId", "c-1", "recordId", "t/0/1", "String".repeat(3)].join("").length;
    // In bytes of UTF-8, and to the byte.
    const fitting = "ü".repeat(Math.floor((262_144 - attributes) / 2)) + "x".repeat((262_144 - attributes) % 2);
    const as = (one: Delivery): SnsMessage => ({ ...render(one), message: fitting + (one.at.offset === 1n ? "x" : "") });
    const results = await publish([deliveryOf(1n, "a"), deliveryOf(2n, "b")], as);
    const answer = "a message of 262145 bytes with its attributes; SNS takes 262144";
    expect(results).toEqual([{ kind: "refused", reason: "unrenderable", answer }, delivered]);
    expect(await cloud.messages()).toHaveLength(1);
  });

  test.each([
    ["no text", { message: "" }, "an empty message"],
    ["a name that SNS keeps", { attributes: { "AWS.x": "1" } }, 'SNS takes no attribute of the name "AWS.x"'],
    ["an attribute without a value", { attributes: { colour: "" } }, "the attribute colour has no value"],
    [
      "more attributes than SQS takes",
      { attributes: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`a${i}`, i])) },
      "11 attributes; 10 can be delivered",
    ],
  ])("[D42] %s refuses the record, and nothing is published", async (_, part, answer) => {
    await cloud.open({ fifo: false });
    const results = await publish([deliveryOf()], (one) => ({ ...render(one), ...part }));
    expect(results).toEqual([{ kind: "refused", reason: "unrenderable", answer }]);
    expect(cloud.sizes).toEqual([]);
  });

  test("[D43] of a call each message has its own answer", async () => {
    await cloud.open({ fifo: false });
    const failed = (id: string, code: string, sender: boolean): string =>
      `<member><Id>${id}</Id><Code>${code}</Code><Message>no</Message><SenderFault>${sender}</SenderFault></member>`;
    cloud.answer = (response, [a, b, c, d]) => {
      const fails = failed(b!, "InvalidParameter", true) + failed(c!, "InternalError", false) + failed(d!, "Throttled", true);
      const good = `<Successful><member><Id>${a}</Id><MessageId>m</MessageId></member></Successful><Failed>${fails}</Failed>`;
      const result = `<PublishBatchResponse><PublishBatchResult>${good}</PublishBatchResult></PublishBatchResponse>`;
      response.writeHead(200, { "content-type": "text/xml" }).end(result);
    };
    expect(await publish([1n, 2n, 3n, 4n, 5n].map((offset) => deliveryOf(offset, `k${offset}`)))).toEqual([
      delivered,
      { kind: "refused", reason: "sns-InvalidParameter", answer: "InvalidParameter: no" },
      { kind: "retry", reason: "sns-InternalError" },
      { kind: "retry", reason: "sns-Throttled" },
      { kind: "retry", reason: "sns-unanswered" },
    ]);
  });

  test("[D43] a call that is refused as a whole for one message is made again message by message", async () => {
    await cloud.open({ fifo: false });
    cloud.answer = (response) => fail(response, 400, "InvalidParameter");
    const results = await publish([deliveryOf(1n, "a"), deliveryOf(2n, "b")]);
    expect(results).toEqual(
      Array(2).fill({ kind: "refused", reason: expect.stringMatching(/^sns-InvalidParameter/), answer: "SNS says InvalidParameter" }),
    );
    expect(cloud.sizes).toEqual([2, 1, 1]);
  });

  test.each([
    [429, "Throttled"],
    [400, "Throttling"],
    [403, "AuthorizationError"],
    [403, "ExpiredToken"],
    [404, "NotFound"],
    [500, "InternalError"],
  ])("[D43] an answer of %i %s says nothing of the messages: all of it is tried again, once a call", async (status, code) => {
    await cloud.open({ fifo: false });
    cloud.answer = (response) => fail(response, status, code);
    const results = await publish([deliveryOf(1n, "a"), deliveryOf(2n, "b")]);
    expect(results).toEqual(Array(2).fill({ kind: "retry", reason: expect.stringContaining(code) as string }));
    expect(cloud.sizes).toEqual([2]);
  });

  test("[D43] a line that breaks is tried again, and says why", async () => {
    await cloud.open({ fifo: false });
    await cloud.behave("down");
    const reason = expect.stringContaining("ECONNREFUSED") as string;
    expect(await publish([deliveryOf()])).toEqual([{ kind: "retry", reason, unanswered: true }]);
  });

  test("[D44] what is no topic's ARN is refused at once", async () => {
    await cloud.open({ fifo: false });
    for (const topicArn of ["", "arn:aws:sqs:eu-central-1:000000000000:q", "arn:aws:sns:eu-central-1:000000000000:t:subscription"])
      expect(() => new SnsSink({ topicArn, render })).toThrow("no topic of SNS has the ARN");
  });
});
