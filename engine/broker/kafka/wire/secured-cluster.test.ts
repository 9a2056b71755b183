import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addPartitionsToTxnV3, initProducerIdV5 } from "@platformatic/kafka";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KafkaBatchWriter } from "../codec/batch-writer.ts";
import { IdempotentProducer } from "../produce/idempotent-producer.ts";
import type { PartitionBatches } from "../produce/partition-batches.ts";
import { javaWithKafka, readCommitted } from "../proving/independent-readers.ts";
import { describeKafka, uniqueName, until } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import { type FaultProxy, startFaultProxy } from "../proving/fault-proxy.ts";
import { plainUser, type SecuredCluster, sessionMs, startSecuredCluster } from "../proving/secured-cluster.ts";
import type { Address } from "./cluster.ts";
import { type Environment, parseClusterUrl } from "./cluster-url.ts";
import { isRetriable } from "./error-classes.ts";
import { KafkaClient } from "./kafka-client.ts";
import { KafkaError, network, tlsFailed } from "./kafka-error.ts";
import { persist } from "./persist.ts";

const hasJava = await javaWithKafka().then(
  () => true,
  () => false,
);

(hasJava ? describeKafka : describe.skip)("brokers that ask who comes", () => {
  let cluster: SecuredCluster;
  let files: Environment;
  const clients: KafkaClient[] = [];
  beforeAll(async () => {
    cluster = await startSecuredCluster();
    const { ca, client } = cluster.certificates;
    files = { MILLRACE_KAFKA_CA: ca, MILLRACE_KAFKA_CERT: client.certificate, MILLRACE_KAFKA_KEY: client.key };
    await cluster.createScramUser("scram", scram.MILLRACE_KAFKA_PASSWORD);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster.stop();
  }, 60_000);

  const plain = { MILLRACE_KAFKA_USERNAME: plainUser.name, MILLRACE_KAFKA_PASSWORD: plainUser.password };
  const scram = { MILLRACE_KAFKA_USERNAME: "scram", MILLRACE_KAFKA_PASSWORD: "pässword" };
  /** A token that says who it is for, and which nobody signed. */
  function token(lastsMs = 3_600_000): { readonly MILLRACE_KAFKA_TOKEN: string } {
    const now = Date.now() / 1000;
    const parts = [{ alg: "none" }, { sub: "bearer", iat: now - 10, exp: now + lastsMs / 1000 }];
    return { MILLRACE_KAFKA_TOKEN: `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.` };
  }
  const urlOf = (scheme: string, { host, port }: Address, query = ""): string => `${scheme}://${host}:${port}${query}`;
  function open(url: string, env: Environment, via?: (address: Address) => Address): KafkaClient {
    const client = new KafkaClient({ ...parseClusterUrl(url, env), ...(via === undefined ? {} : { via }) }, "secured", {
      requestTimeoutMs: 5000,
    });
    clients.push(client);
    return client;
  }
  const ways: readonly (readonly [string, string, () => KafkaClient])[] = [
    ["a certificate", "User:CN=millrace", () => open(urlOf("kafkas", cluster.tls), files)],
    ["PLAIN", "User:shop", () => open(urlOf("kafka", cluster.sasl, "?sasl=plain"), plain)],
    ["PLAIN by TLS", "User:shop", () => open(urlOf("kafkas", cluster.saslTls, "?sasl=plain"), { ...plain, ...files })],
    ["SCRAM-SHA-256", "User:scram", () => open(urlOf("kafka", cluster.sasl, "?sasl=scram-sha-256"), scram)],
    ["SCRAM-SHA-512 by TLS", "User:scram", () => open(urlOf("kafkas", cluster.saslTls, "?sasl=scram-sha-512"), { ...scram, ...files })],
    ["OAUTHBEARER", "User:bearer", () => open(urlOf("kafka", cluster.sasl, "?sasl=oauthbearer"), token())],
    ["OAUTHBEARER by TLS", "User:bearer", () => open(urlOf("kafkas", cluster.saslTls, "?sasl=oauthbearer"), { ...token(), ...files })],
  ];

  test.each(ways)(
    "[K78] with %s a client writes in transactions where it may, and nowhere else",
    { timeout: 60_000 },
    async (_, principal, start) => {
      const mine = uniqueName("mine");
      const theirs = uniqueName("theirs");
      await Promise.all([mine, theirs].map((topic) => cluster.createTopic(topic)));
      await cluster.allow(principal, mine);
      const client = start();
      const writer = await RawWriter.open(client, mine);
      await writer.write(mine, 0, [{ value: "committed" }]);
      await writer.offsets(mine, mine, [[0, 1n, ""]]);
      await writer.end("commit");
      const [node] = (await cluster.admin.metadata([])).nodes.values();
      const read = await readCommitted(`${node!.host}:${node!.port}`, mine);
      expect(read.map(({ value }) => value?.toString())).toEqual(["committed"]);
      await expect(client.metadata([theirs])).rejects.toMatchObject({ ids: ["TOPIC_AUTHORIZATION_FAILED"] });
      const stranger = client.coordinator("transaction", theirs);
      await expect(stranger).rejects.toMatchObject({ ids: ["TRANSACTIONAL_ID_AUTHORIZATION_FAILED"] });
    },
  );

  test("[K78] transactions of version 1 need no more than to write the topic and the transactional id", { timeout: 60_000 }, async () => {
    const mine = uniqueName("version-1");
    await cluster.createTopic(mine);
    await cluster.allow("User:shop", mine);
    const client = open(urlOf("kafka", cluster.sasl, "?sasl=plain"), plain);
    const added = await persist("adding", { forMs: 20_000 }, async (refresh) => {
      const node = await client.coordinator("transaction", mine, refresh);
      const { producerId, producerEpoch } = await client.ask(node, initProducerIdV5.api, [mine, 10_000, -1n, -1], "init");
      const transaction = {
        transactionalId: mine,
        producerId,
        producerEpoch,
        verifyOnly: false,
        topics: [{ name: mine, partitions: [0, 1] }],
      };
      return client.ask(node, addPartitionsToTxnV3.api, [[transaction]], "adding");
    });
    expect(added.errorCode).toBe(0);
  });

  const failing: readonly (readonly [string, string, () => KafkaClient])[] = [
    [
      "a wrong password",
      "SASL_AUTHENTICATION_FAILED",
      () => open(urlOf("kafka", cluster.sasl, "?sasl=plain"), { ...plain, MILLRACE_KAFKA_PASSWORD: "x" }),
    ],
    [
      "a wrong secret",
      "SASL_AUTHENTICATION_FAILED",
      () => open(urlOf("kafka", cluster.sasl, "?sasl=scram-sha-512"), { ...scram, MILLRACE_KAFKA_PASSWORD: "x" }),
    ],
    ["an unknown user", "SASL_AUTHENTICATION_FAILED", () => open(urlOf("kafka", cluster.sasl, "?sasl=scram-sha-256"), plain)],
    [
      "no token at all",
      "SASL_AUTHENTICATION_FAILED",
      () => open(urlOf("kafka", cluster.sasl, "?sasl=oauthbearer"), { MILLRACE_KAFKA_TOKEN: "nonsense" }),
    ],
    ["an old token", "SASL_AUTHENTICATION_FAILED", () => open(urlOf("kafka", cluster.sasl, "?sasl=oauthbearer"), token(-1000))],
    [
      "an authority nobody knows",
      tlsFailed,
      () => open(urlOf("kafkas", cluster.saslTls, "?sasl=plain"), { ...plain, MILLRACE_KAFKA_CA: cluster.certificates.strangerCa }),
    ],
    [
      "another name than the certificate's",
      tlsFailed,
      () => open(urlOf("kafkas", { ...cluster.saslTls, host: "127.0.0.1" }, "?sasl=plain"), { ...plain, ...files }),
    ],
    ["plain words to TLS", tlsFailed, () => open(urlOf("kafka", cluster.tls), {})],
  ];
  test.each(failing)("[K78] %s is %s, which no second attempt would mend", async (_, id, start) => {
    const started = performance.now();
    const error = await persist("asking", { forMs: 20_000 }, () => start().metadata([])).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KafkaError);
    expect((error as KafkaError).ids).toEqual([id]);
    expect(isRetriable(error as KafkaError)).toBe(false);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test("[K78] a broker that drops who shows no certificate looks like a broken network", async () => {
    const { MILLRACE_KAFKA_CA } = files;
    const error = await open(urlOf("kafkas", cluster.tls), { MILLRACE_KAFKA_CA })
      .metadata([])
      .catch((reason: unknown) => reason);
    expect((error as KafkaError).ids).toEqual([network]);
  });

  test("[K78] by TLS a broker is known by the name that it advertises, wherever it is reached", async () => {
    const forward = createServer((from) => {
      const to = connect(cluster.saslTls);
      from.pipe(to).pipe(from);
      from.on("error", () => to.destroy());
      to.on("error", () => from.destroy());
    });
    forward.listen(0, "127.0.0.1");
    await once(forward, "listening");
    const { port } = forward.address() as AddressInfo;
    const env = { ...plain, ...files, MILLRACE_KAFKA_VIA: `localhost:${cluster.saslTls.port}=127.0.0.1:${port}` };
    const client = open(urlOf("kafkas", cluster.saslTls, "?sasl=plain"), env);
    expect([...(await client.metadata([])).nodes.values()]).toEqual([cluster.saslTls]);
    await client.close();
    forward.close();
  });

  test("[K27] who may write and not read leaves it to the broker whether a batch is there", { timeout: 30_000 }, async () => {
    const topic = uniqueName("mine");
    await cluster.createTopic(topic);
    await cluster.allowWriting("User:shop", topic);
    const proxy = await startFaultProxy();
    const producer = new IdempotentProducer({ client: open(urlOf("kafka", cluster.sasl, "?sasl=plain"), plain, proxy.via) });
    proxy.loseAnswer({ api: "Produce", outcome: "done" });
    const batches = (text: string): PartitionBatches => {
      const writer = new KafkaBatchWriter();
      writer.addRecord(null, Buffer.from(text), Date.now());
      return { topic, partition: 0, batches: writer.take() };
    };
    expect(await producer.send([batches("a")])).toMatchObject([{ kind: "written", bases: [0n] }]);
    expect(await producer.send([batches("b")])).toMatchObject([{ kind: "written", bases: [1n] }]);
    expect(proxy.counts()).toMatchObject({ Fetch: { requests: 1 }, Produce: { requests: 3 } });
    await producer.close();
    await proxy.close();
  });

  describe("for longer than a login lasts", () => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      proxy = await startFaultProxy();
    });
    afterAll(() => proxy.close());

    const twoLogins: readonly (readonly [string, Environment])[] = [
      ["scram-sha-512", scram],
      ["oauthbearer", token()],
    ];
    test.each(twoLogins)("[K79] %s logs in again in time, and work goes on", { timeout: 30_000 }, async (mechanism, env) => {
      proxy.resetCounts();
      const client = open(urlOf("kafka", cluster.sasl, `?sasl=${mechanism}`), env, proxy.via);
      const end = performance.now() + 3 * sessionMs;
      const retried: string[][] = [];
      let answers = 0;
      const busy = Array.from({ length: 4 }, async () => {
        for (; performance.now() < end; answers++)
          await persist("asking", { forMs: 10_000, onRetry: ({ ids }) => void retried.push([...ids]) }, () => client.metadata([]));
      });
      await Promise.all(busy);
      await client.close();
      expect(retried).toEqual([]);
      expect(answers).toBeGreaterThan(100);
      expect(proxy.counts()["SaslHandshake"]!.requests).toBeGreaterThanOrEqual(3);
      expect(proxy.counts()["Metadata"]).toMatchObject({ requests: answers, answers });
    });

    test("[K79] a token that is late breaks connections as a network does, until it is there", { timeout: 30_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "millrace-token-"));
      const file = join(folder, "token");
      const { MILLRACE_KAFKA_TOKEN } = token();
      writeFileSync(file, MILLRACE_KAFKA_TOKEN);
      const client = open(urlOf("kafka", cluster.sasl, "?sasl=oauthbearer"), { MILLRACE_KAFKA_TOKEN_FILE: file });
      await client.metadata([]);
      rmSync(file);
      const broken = await until(
        () =>
          client.metadata([]).then(
            () => undefined,
            (error: unknown) => error as KafkaError,
          ),
        3 * sessionMs,
        "the login has ended",
      );
      expect(broken.ids).toEqual([network]);
      writeFileSync(file, MILLRACE_KAFKA_TOKEN);
      await persist("asking", { forMs: 10_000 }, () => client.metadata([]));
      await client.close();
      rmSync(folder, { recursive: true });
    });
  });
});
