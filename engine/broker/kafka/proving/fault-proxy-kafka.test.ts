import { fetchV13, initProducerIdV5, metadataV12, produceV11, type Reader } from "@platformatic/kafka";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "../../conformance-harness.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { network } from "../wire/kafka-error.ts";
import { persist } from "../wire/persist.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { createTopic, describeKafka, openClient, uniqueName } from "./kafka-test.ts";

describeKafka("the fault proxy before real brokers", () => {
  let proxy: FaultProxy;
  let client: KafkaClient;
  beforeEach(async () => {
    proxy = await startFaultProxy();
    client = openClient("proxied", { via: proxy.via, requestTimeoutMs: 10_000 });
  });
  afterEach(async () => {
    await client.close();
    await proxy.close();
  });

  const initProducer = async (id: string): Promise<number> => {
    const answer = await client.ask(await client.coordinator("transaction", id), initProducerIdV5.api, [id, 10_000, -1n, -1], "init");
    return answer.producerEpoch;
  };
  /** A coordinator may still load its part of the transactions. */
  const initFirst = (id: string): Promise<number> => persist("first", { forMs: 20_000 }, () => initProducer(id));

  test("[K70] batches of all sizes go out and come back through it byte by byte as without it", async () => {
    const topic = await createTopic("proxied");
    const direct = openClient("direct");
    const random = seededRandom("bytes");
    const leader = await client.leader(topic, 0);
    const sizes = [0, 1, 100, 5000, 60_000, 900_000];
    const sent = sizes.map((size) => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256))));
    const options = { producerId: -1n, producerEpoch: -1, compression: "none" as const };
    await Promise.all(
      sent.map((value) => client.ask(leader, produceV11.api, [-1, 10_000, [{ topic, partition: 0, value }], options], "produce")),
    );
    const partition = { partition: 0, fetchOffset: 0n, currentLeaderEpoch: -1, lastFetchedEpoch: -1, partitionMaxBytes: 10 << 20 };
    const fetch = async (by: KafkaClient): Promise<Buffer> => {
      const topicId = (await by.topic(topic))!.id;
      const payload = (): ReturnType<typeof fetchV13.createRequest> =>
        fetchV13.createRequest(500, 1, 10 << 20, 0, 0, -1, [{ topicId, partitions: [partition] }], [], "");
      const parse = (_id: number, _key: number, _version: number, reader: Reader): Buffer =>
        Buffer.from(reader.buffer.subarray(reader.position).buffer);
      return by.send(await by.leader(topic, 0), { key: 1, version: 13, payload, parse }, "fetch");
    };
    const [through, without] = [await fetch(client), await fetch(direct)];
    expect(through.length).toBeGreaterThan(965_000);
    expect(through.equals(without)).toBe(true);
    for (const value of sent) expect(through.includes(value)).toBe(true);
    const { Produce, Fetch } = proxy.counts();
    expect(Produce).toMatchObject({ requests: sizes.length, answers: sizes.length });
    expect(Produce!.requestBytes).toBeGreaterThan(965_000);
    expect(Fetch!.answerBytes).toBeGreaterThan(through.length);
  });

  test("[K71] InitProducerId done: the epoch is bumped though no answer came; undone: it is not", async () => {
    const id = uniqueName("lost");
    expect(await initFirst(id)).toBe(0);
    proxy.loseAnswer({ api: "InitProducerId", outcome: "done" });
    await expect(initProducer(id)).rejects.toMatchObject({ ids: [network] });
    expect(await initProducer(id)).toBe(2);
    proxy.loseAnswer({ api: "InitProducerId", outcome: "undone" });
    await expect(initProducer(id)).rejects.toMatchObject({ ids: [network] });
    expect(await initProducer(id)).toBe(3);
    expect(proxy.counts()["InitProducerId"]!.requests - proxy.counts()["InitProducerId"]!.answers).toBe(1);
  });

  test("[K72] a second producer may fence the first at the very moment the first asks", async () => {
    const id = uniqueName("raced");
    const rival = openClient("rival");
    expect(await initFirst(id)).toBe(0);
    const stop = proxy.onRequest("InitProducerId", async () => {
      const coordinator = await rival.coordinator("transaction", id);
      await rival.ask(coordinator, initProducerIdV5.api, [id, 10_000, -1n, -1], "fence");
    });
    expect(await initProducer(id)).toBe(2);
    stop();
    expect(await initProducer(id)).toBe(3);
  });

  test("[K73] cut off from its brokers a client fails as from a broken network, and goes on when healed", async () => {
    const { nodes } = await client.metadata([]);
    proxy.cut();
    await expect(client.metadata([])).rejects.toMatchObject({ ids: [network] });
    proxy.heal();
    expect((await client.metadata([])).nodes).toEqual(nodes);
    const impatient = openClient("impatient", { via: proxy.via, requestTimeoutMs: 300 });
    await impatient.metadata([]);
    proxy.stall();
    await expect(impatient.metadata([])).rejects.toMatchObject({ ids: [network] });
    proxy.heal();
    expect((await impatient.metadata([])).nodes).toEqual(nodes);
  });

  test("[K73] one broker is cut, by the address that it advertises", async () => {
    const { nodes } = await client.metadata([]);
    const [[node, address]] = [...nodes] as [[number, { host: string; port: number }]];
    await client.ask(node, metadataV12.api, [[], false, false], "before");
    proxy.cut(address);
    await expect(client.ask(node, metadataV12.api, [[], false, false], "cut")).rejects.toMatchObject({ ids: [network] });
    proxy.heal(address);
    await client.ask(node, metadataV12.api, [[], false, false], "healed");
  });
});
