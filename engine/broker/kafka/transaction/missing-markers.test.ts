import { expect, test } from "vitest";
import { describeKafka, openClient, until } from "../proving/kafka-test.ts";
import { MissingMarkers } from "./missing-markers.ts";
import { seen, transactionBench } from "./transaction-harness.ts";
import { transactionOf } from "./transaction-samples.ts";
import { TransactionalProducer } from "./transactional-producer.ts";
import type { Transaction } from "./transaction.ts";

const forMs = 20_000;

describeKafka.each([2, 1] as const)("markers that are missing, in version %i", (version) => {
  /** A transaction that has no marker: here since nobody has ended it. */
  async function unmarked() {
    const bench = await transactionBench();
    const producer = new TransactionalProducer(
      { client: openClient("transaction"), transactionalId: bench.id, timeoutMs: 60_000, version },
      new AbortController().signal,
    );
    await producer.init(forMs);
    const transaction = transactionOf(bench, "open", 1n);
    const written = await producer.produce(transaction.batches, forMs);
    await producer.sendOffsets(transaction, forMs);
    const ends = written.map(({ topic, partition, bases }) => ({ topic, partition, offset: bases[0]! + 1n }));
    const next = async (): Promise<Transaction> => {
      const second = transactionOf(bench, "next", 2n);
      await producer.produce(second.batches, forMs);
      await producer.sendOffsets(second, forMs);
      await producer.commit(forMs);
      return second;
    };
    return { bench, producer, transaction, ends, next, markers: new MissingMarkers(producer) };
  }
  const committed = { values: ["0:open", "1:open"], offsets: ["1 open", "1 open"] };

  test("[K111] of what was committed they are written: it can be read", async () => {
    const { bench, transaction, markers } = await unmarked();
    await markers.mend("commit", transaction, forMs);
    await until(async () => (await seen(bench)).values.length === 2, 5000, "the markers are written");
    expect(await seen(bench)).toEqual(committed);
  });

  test("[K111] of what was aborted they are written: the next commit does not take it along", async () => {
    const { bench, transaction, markers, next } = await unmarked();
    await markers.mend("abort", transaction, forMs);
    await next();
    await until(async () => (await seen(bench)).values.length > 0, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:next", "1:next"], offsets: ["2 next", "2 next"] });
  });

  test("[K111] behind an abort that never got there, what was committed before is committed", async () => {
    const { bench, transaction, markers, ends } = await unmarked();
    markers.committed(ends);
    await markers.mend("abort", { ...transaction, batches: transactionOf(bench, "never there", 2n).batches }, forMs);
    await until(async () => (await seen(bench)).values.length === 2, 5000, "the markers are written");
    expect(await seen(bench)).toEqual(committed);
  });

  test("[K111] behind an abort that has its markers nothing is done", async () => {
    const { bench, producer, transaction, markers } = await unmarked();
    await producer.abort(forMs);
    await until(async () => (await producer.openAmong(transaction.batches, forMs)).length === 0, 5000, "the markers are written");
    const { identity } = producer;
    await markers.mend("abort", transaction, forMs);
    expect(producer.identity).toEqual(identity);
    expect(await seen(bench)).toEqual({ values: [], offsets: ["none", "none"] });
  });
});
