import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  deadLetterOf,
  deadLetterTopicOf,
  defineProcessor,
  flatMapValue,
  noHeaders,
  partitionOf,
  RecordBatchBuilder,
  RecordError,
} from "@millrace/engine";
import { shippedMonth } from "#cli/replay/command.ts";
import { eventDrafts } from "#cli/replay/event-draft.ts";
import { readHistory } from "#cli/replay/history.ts";
import { eventInput, eventOutput } from "#processors/commerce-port.ts";
import { topicOf } from "#schemas/event-registry.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { expectedAnswers } from "./judge/answers.ts";
import { compareAnswers } from "./judge/compare.ts";
import { logRecords, type LogRecord } from "./path/log-records.ts";
import { lateRecords, openRealPath, type RealPath } from "./path/real-path.ts";

const partitions = 4;
const openingStock = 1_000_000;
const files = [shippedMonth];
const seed = testSeed();
const ordersTopic = topicOf("order.created");
const cancellationsTopic = topicOf("order.cancelled");

/** Reads every order, and cannot stand those that are marked. */
const marked = defineProcessor({
  name: "checks/marked",
  summary: "Throws on orders whose id says so.",
  config: { parse: () => ({}) },
  inputs: { orders: eventInput("order.created", { key: "customerId", reads: ["orderId", "customerId"] }) },
  outputs: { nothing: eventOutput("system.error") },
  stores: () => ({}),
  run: ({ orders }) => ({
    nothing: orders.pipe(
      flatMapValue(({ data: { orderId } }) => {
        if (orderId.startsWith("marked-")) throw new RecordError("marked", `${orderId} is marked`);
        return [];
      }),
    ),
  }),
});

type JsonEvent = {
  readonly eventId: string;
  readonly eventType: string;
  readonly timestamp: string;
  readonly data: { readonly orderId: string; readonly customerId: string | null; readonly total: { amount: string; currency: string } };
};

/** What must become of a poisoned record, by its position as dead letters write it. */
type Poison = { readonly reason: string; readonly node: string };

/** A hundredth of the orders, three times over: each kind of poison beside its neighbours, of the same key and time. */
class Poisoner {
  readonly poisoned = new Map<string, Poison>();
  /** The last position on every partition. */
  readonly #last = new Map<string, string>();
  readonly #path: RealPath;
  readonly #random = seededRandom(seed);
  #batch: { readonly event: unknown; readonly poison?: Poison }[] = [];

  constructor(path: RealPath) {
    this.#path = path;
  }

  get tokens(): readonly string[] {
    return [...this.#last.values()];
  }

  async add(event: JsonEvent): Promise<void> {
    this.#batch.push({ event });
    if (event.eventType === "order.created" || event.eventType === "order.cancelled") {
      const node = event.eventType === "order.created" ? "orders" : "cancellations";
      if (this.#random.chance(0.01)) await this.#appendGarbage(event);
      if (this.#random.chance(0.01)) this.#batch.push({ event: wrongTotal(event), poison: { reason: "total-mismatch", node } });
      if (node === "orders" && this.#random.chance(0.01))
        this.#batch.push({ event: withMark(event), poison: { reason: "marked", node: "marked" } });
    }
    if (this.#batch.length >= 100) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length === 0) return;
    const response = await fetch(`${this.#path.url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(batch.map(({ event }) => event)),
    });
    const { results } = (await response.json()) as { results?: readonly { status: string; token: string }[] };
    if (results === undefined) throw new Error(`the gateway answers ${response.status}`);
    for (const [i, { status, token }] of results.entries()) {
      if (status !== "accepted") throw new Error(`${JSON.stringify(batch[i]!.event)}: ${JSON.stringify(results[i])}`);
      this.#took(token, batch[i]!.poison);
    }
  }

  /** Bytes that no schema reads, beside the gateway, on the partition of the order's own key. */
  async #appendGarbage({ eventType, timestamp, data }: JsonEvent): Promise<void> {
    await this.flush();
    const topic = eventType === "order.created" ? ordersTopic : cancellationsTopic;
    const key = data.customerId ?? `guest-${data.orderId}`;
    const garbage = Buffer.from(Array.from({ length: this.#random.between(1, 80) }, () => this.#random.between(1, 255)));
    const value = this.#random.pick([garbage, Buffer.alloc(0), Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), garbage])]);
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: Date.parse(timestamp), sequence: 0, key, value, headers: noHeaders });
    const partition = partitionOf(key, partitions);
    const [result] = await this.#path.broker.append([{ topic, partition, kind: "records", ...builder.take()! }]);
    if (result?.kind !== "appended") throw new Error(`not appended: ${result?.reason}`);
    this.#took(`${topic}:${partition}:${result.at.offset}`, { reason: "undecodable", node: `source/${topic}` });
  }

  #took(token: string, poison: Poison | undefined): void {
    const [topic, partition, offset] = token.split(":");
    this.#last.set(`${topic}:${partition}`, token);
    if (poison !== undefined) this.poisoned.set(`${topic}[${partition}]@${offset}`, poison);
  }
}

function wrongTotal({ eventId, data, ...event }: JsonEvent): JsonEvent {
  const { amount, currency } = data.total;
  const orderId = `wrong-${data.orderId}`;
  return { ...event, eventId: `${eventId}.wrong`, data: { ...data, orderId, total: { amount: `${amount.split(".")[0]}.9999`, currency } } };
}

function withMark({ eventId, data, ...event }: JsonEvent): JsonEvent {
  return { ...event, eventId: `${eventId}.marked`, data: { ...data, orderId: `marked-${data.orderId}` } };
}

describe(`a hundredth of April's orders poisoned, three times over (SEED=${seed})`, () => {
  let path: RealPath;
  let poisoner: Poisoner;
  const letters: LogRecord[] = [];

  beforeAll(async () => {
    path = await openRealPath({
      partitions,
      moreNodes: "  marked: { use: checks/marked, from: { orders: orders } }\n",
      moreProcessors: [marked],
    });
    await path.startPipeline();
    poisoner = new Poisoner(path);
    const history = await readHistory(files, () => undefined);
    for (const { head, at, tail } of eventDrafts(history, { openingStock, repeat: 1, run: "" }))
      await poisoner.add(JSON.parse(`${head}${new Date(at).toISOString()}${tail}`) as JsonEvent);
    await poisoner.flush();
    await path.shown(poisoner.tokens);
    for await (const letter of logRecords(path.broker, deadLetterTopics(path))) letters.push(letter);
  }, 120_000);
  afterAll(() => path.close());

  test("[X4] each is in the dead letters once, with its reason, its node and where it came from", () => {
    expect(poisoner.poisoned.size).toBeGreaterThan(15);
    expect(new Set([...poisoner.poisoned.values()].map(({ reason }) => reason))).toEqual(
      new Set(["undecodable", "total-mismatch", "marked"]),
    );
    const found = letters.map(({ headers }) => deadLetterOf(headers));
    expect(found.map(({ source }) => source).toSorted()).toEqual([...poisoner.poisoned.keys()].toSorted());
    for (const { source, reason, node } of found) expect({ source, reason, node }).toEqual({ source, ...poisoner.poisoned.get(source) });
  });

  test("[X4] a dead letter has the original key, bytes, time and headers", async () => {
    const originals = new Map<string, LogRecord>();
    for await (const record of logRecords(path.broker, new Map([ordersTopic, cancellationsTopic].map((topic) => [topic, partitions]))))
      originals.set(`${record.topic}[${record.partition}]@${record.offset}`, record);
    for (const letter of letters) {
      const { source } = deadLetterOf(letter.headers);
      const { topic, offset: _, headers, ...original } = originals.get(source)!;
      expect(letter).toMatchObject({ ...original, topic: deadLetterTopicOf(topic) });
      expect(Buffer.from(letter.headers).subarray(0, headers.length).equals(headers)).toBe(true);
    }
  });

  test("[X4] every answer is as if they had never been there", async () => {
    expect(compareAnswers(expectedAnswers(files, { openingStock }), await path.answers())).toEqual([]);
    expect(lateRecords(path.worker)).toEqual({});
  });

  test("[X5] the counts of every node balance, and those of the sources with the log", async () => {
    const { nodes, undecodable } = path.worker.snapshot();
    for (const { node, in: entered, emitted, folded, deadLettered, dropped } of nodes) {
      const left = emitted + folded + deadLettered + Object.values(dropped).reduce((sum, count) => sum + count, 0);
      expect({ node, left }).toEqual({ node, left: entered });
    }
    for (const [topic, node] of [
      [ordersTopic, "orders"],
      [cancellationsTopic, "cancellations"],
    ] as const) {
      let onLog = 0;
      for await (const _ of logRecords(path.broker, new Map([[topic, partitions]]))) onLog += 1;
      expect(nodes.find((each) => each.node === node)!.in + (undecodable[topic] ?? 0)).toBe(onLog);
    }
    const deadLettered = nodes.reduce((sum, node) => sum + node.deadLettered, 0) + Object.values(undecodable).reduce((a, b) => a + b, 0);
    expect(deadLettered).toBe(poisoner.poisoned.size);
  });
});

/** The dead letters of every topic, wherever they may have gone. */
function deadLetterTopics({ plan }: RealPath): Map<string, number> {
  return new Map(plan.topics.filter(({ name }) => name.endsWith(".dlq")).map(({ name, partitions: count }) => [name, count]));
}
