import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppendResult } from "#broker/broker.ts";
import { batchOf, expectCode, orders, textsIn, topics } from "#broker/conformance-harness.ts";
import type { AppenderWorkerData } from "./appender-worker.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "./embedded-broker.ts";
import { connectAppender, serveAppender } from "./port.ts";

describe("on one thread", () => {
  let broker: EmbeddedBroker;
  let channel: MessageChannel;
  beforeEach(async () => {
    broker = openEmbeddedBroker({ path: ":memory:" });
    await broker.ensureTopics(topics);
    channel = new MessageChannel();
  });
  afterEach(async () => {
    channel.port1.close();
    await broker.close();
  });

  test("[L20] all calls of a turn cross as one message and are answered each for itself", async () => {
    let messages = 0;
    channel.port1.on("message", () => void messages++);
    serveAppender(broker, channel.port1);
    const appender = connectAppender(channel.port2);
    const bad = appender.append([batchOf("test.nowhere", 0, ["bad"])]);
    const calls = Array.from({ length: 100 }, (_, i) => appender.append([batchOf(orders, i % 3, [`${i}`]), batchOf(orders, 0, ["and"])]));
    const error = await expectCode(bad, "BROKER_UNKNOWN_TOPIC");
    expect(error).toMatchObject({ at: "test.nowhere[0]", retryable: false });
    expect(error.message.match(/ at /g)).toHaveLength(1);
    const offsets = (await Promise.all(calls)).map((answers) =>
      answers.map((answer) => (answer.kind === "appended" ? answer.at.offset : -1n)),
    );
    expect(messages).toBe(1);
    const texts = await textsIn(broker, orders, 0);
    for (const [i, [own, second]] of offsets.entries()) {
      if (i % 3 === 0) expect(texts[Number(own)]).toBe(`${i}`);
      expect(texts[Number(second)]).toBe("and");
    }
    await appender.close();
  });

  test("[L20] the caller's bytes stay its own, so that it can send them again", async () => {
    serveAppender(broker, channel.port1);
    const appender = connectAppender(channel.port2);
    const batch = batchOf(orders, 0, ["again"]);
    await appender.append([batch]);
    expect(batch.bytes.byteLength).toBeGreaterThan(0);
    await appender.append([batch]);
    expect(await textsIn(broker, orders, 0)).toEqual(["again", "again"]);
    await appender.close();
  });

  test("[L20] when the serving side closes, calls under way and later ones answer `retry`", async () => {
    const serving = serveAppender(broker, channel.port1);
    const appender = connectAppender(channel.port2);
    const under = appender.append([batchOf(orders, 0, ["a"]), batchOf(orders, 1, ["b"])]);
    serving.close();
    const retry = { kind: "retry", afterMs: 1000, reason: "the log is gone" };
    // They were on their way: the log may have them.
    const perhaps = { ...retry, uncertain: true };
    expect(await under).toEqual([perhaps, perhaps]);
    expect(await appender.append([batchOf(orders, 0, ["c"])])).toEqual([retry]);
    await appender.close();
    await expectCode(appender.append([batchOf(orders, 0, ["d"])]), "BROKER_CLOSED");
  });

  test("[L20] an answer that is uncertain stays so", async () => {
    const answer: AppendResult = { kind: "retry", afterMs: 7, reason: "no answer", uncertain: true };
    serveAppender({ append: (batches) => Promise.resolve(batches.map(() => answer)) }, channel.port1);
    const appender = connectAppender(channel.port2);
    expect(await appender.append([batchOf(orders, 0, ["a"])])).toEqual([answer]);
    await appender.close();
  });

  test("[L20] a log that closes under its clients answers `retry`", async () => {
    serveAppender(broker, channel.port1);
    const appender = connectAppender(channel.port2);
    await broker.close();
    expect(await appender.append([batchOf(orders, 0, ["a"])])).toMatchObject([{ kind: "retry" }]);
    await appender.close();
  });

  test("[L20] closing waits for what is under way", async () => {
    serveAppender(broker, channel.port1);
    const appender = connectAppender(channel.port2);
    const under = appender.append([batchOf(orders, 0, ["last"])]);
    await Promise.all([appender.close(), appender.close()]);
    expect(await under).toMatchObject([{ kind: "appended" }]);
    expect(await textsIn(broker, orders, 0)).toEqual(["last"]);
  });
});

describe("with the log on a thread of its own", () => {
  test("[L20] appends are durable when answered; a thread that dies within a write leaves nothing of it, and its callers hear `retry`", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-port-"));
    const path = join(folder, "log.db");
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const { port1, port2 } = new MessageChannel();
    const data: AppenderWorkerData = { path, port: port1, gate };
    const worker = new Worker(join(import.meta.dirname, "appender-worker.ts"), { workerData: data, transferList: [port1] });
    const appender = connectAppender(port2);
    const answers = await Promise.all([0, 1, 2].map((i) => appender.append([batchOf("test.port", 0, [`kept ${i}`])])));
    expect(answers.flat().map((answer) => answer.kind === "appended" && answer.at.offset)).toEqual([0n, 1n, 2n]);

    Atomics.store(gate, 0, 1);
    const under = [0, 1].map((i) => appender.append([batchOf("test.port", 0, [`lost ${i}`])]));
    await expect.poll(() => Atomics.load(gate, 1)).toBe(1);
    await worker.terminate();
    expect((await Promise.all(under)).flat()).toMatchObject([{ kind: "retry" }, { kind: "retry" }]);
    await appender.close();

    const broker = openEmbeddedBroker({ path });
    expect(await textsIn(broker, "test.port", 0)).toEqual(["kept 0", "kept 1", "kept 2"]);
    await broker.close();
    rmSync(folder, { recursive: true });
  });
});
