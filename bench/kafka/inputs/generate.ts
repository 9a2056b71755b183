import { partitionOf } from "@millrace/engine";
import { Bursts } from "./bursts.ts";
import { Random } from "./random.ts";
import { zipf } from "./zipf.ts";

/** A record of an input; key and value are ASCII. */
export type InputRecord = { readonly partition: number; readonly key: string; readonly timestamp: number; readonly value: string };
type Records = Generator<InputRecord, void>;

export const partitions = 4;
export const seed = 42;
const base = Date.UTC(2026, 10, 1);

/** The inputs by their jobs: the same bytes as those of the peers' generator, for any number of records and seed 42. */
export const generators = { stateless: orders, count: pageEvents, fraud: payments, restore: keys } as const;
export type InputName = keyof typeof generators;

/** Orders by id; amounts are even in 0.00 … 99.99, so that 80 % are 20 or more. */
function* orders(records: number): Records {
  const random = new Random(seed);
  for (let i = 0; i < records; i++) {
    const id = `o-${digits(i, 9)}`;
    const timestamp = base + i;
    const [user, sku, amount, quantity] = [random.below(100_000), random.below(100_000), random.below(10_000), 1 + random.below(9)];
    const note = random.hex(20 + random.below(48));
    const value = `{"orderId":"${id}","userId":"user-${digits(user, 6)}","sku":"sku-${digits(sku, 6)}","amount":${money(amount)},"qty":${quantity},"currency":"EUR","ts":${timestamp},"note":"${note}"}`;
    yield { partition: partitionOf(id, partitions), key: id, timestamp, value };
  }
}

/** Events of 10 000 users (Zipf 1.1), 10 000 a second of event time, each late by 0 … 3 s; at the end one a partition that closes every window. */
function* pageEvents(records: number): Records {
  const random = new Random(seed);
  const draw = zipf(10_000, 1.1);
  const users = places("user-", 10_000);
  const event = ({ key, partition }: Place, timestamp: number, amount: number): InputRecord => {
    const page = digits(random.below(100_000), 6);
    const session = random.hex(20 + random.below(48));
    const value = `{"userId":"${key}","event":"purchase","amount":${money(amount)},"ts":${timestamp},"page":"/p/${page}","session":"${session}"}`;
    return { partition, key, timestamp, value };
  };
  for (let i = 0; i < records; i++) {
    const user = users[draw(random)]!;
    const timestamp = base + 10_000 + Math.floor(i / 10) - random.below(3001);
    yield event(user, timestamp, random.below(10_000));
  }
  for (let p = 0; p < partitions; p++) yield event(flushKey(p), base + 10_000 + Math.floor(records / 10) + 60_000, 100);
}

/**
 * Payments by card, 1000 a second of event time: 49 500 cards with one now and then, 500 with bursts of 4 … 11 payments 0.2 … 3 s apart. Late by 0 … 3 s,
 * one in a hundred by 3 … 10 s; five a partition end them.
 */
function* payments(records: number): Records {
  const random = new Random(seed);
  const cards = places("card-", 50_000);
  const bursty = 500;
  const bursts = new Bursts();
  let number = 0;
  const pay = ({ key, partition }: Place, timestamp: number, amount: number): InputRecord => {
    const merchant = digits(random.below(5000), 4);
    const auth = random.hex(16 + random.below(40));
    const value = `{"paymentId":"p-${digits(number++, 9)}","card":"${key}","amount":${money(amount)},"merchant":"m-${merchant}","country":"NL","ts":${timestamp},"auth":"${auth}"}`;
    return { partition, key, timestamp, value };
  };
  for (let i = 0; i < records; i++) {
    const now = base + 10_000 + i;
    const due = bursts.takeDue(now);
    let card: number;
    let amount: number;
    if (due !== undefined) {
      card = due.card;
      amount = 3000 + random.below(22_001);
      if (due.left > 1) bursts.add({ at: now + 200 + random.below(2801), card, left: due.left - 1 });
    } else if (random.unit() < 0.005) {
      card = random.below(bursty);
      amount = 3000 + random.below(22_001);
      bursts.add({ at: now + 200 + random.below(2801), card, left: 3 + random.below(8) });
    } else {
      card = bursty + random.below(50_000 - bursty);
      amount = 100 + random.below(9901);
    }
    const late = random.unit() < 0.01 ? 3000 + random.below(7001) : random.below(3001);
    yield pay(cards[card]!, now - late, amount);
  }
  for (let p = 0; p < partitions; p++) for (let k = 0; k < 5; k++) yield pay(flushKey(p), base + 10_000 + records + 60_000 + k, 20_000);
}

/** As many keys as records, each value 100 bytes. */
function* keys(records: number): Records {
  const random = new Random(seed);
  for (let i = 0; i < records; i++) {
    const key = `k-${digits(i, 9)}`;
    const head = `{"id":"${key}","ts":${base + i},"blob":"`;
    yield { partition: partitionOf(key, partitions), key, timestamp: base + i, value: `${head}${random.hex(98 - head.length)}"}` };
  }
}

type Place = { readonly key: string; readonly partition: number };
const places = (prefix: string, count: number): Place[] =>
  Array.from({ length: count }, (_, i) => {
    const key = `${prefix}${digits(i, 5)}`;
    return { key, partition: partitionOf(key, partitions) };
  });

function flushKey(partition: number): Place {
  for (let i = 0; ; i++) if (partitionOf(`zz-flush-${i}`, partitions) === partition) return { key: `zz-flush-${i}`, partition };
}

const digits = (value: number, width: number): string => String(value).padStart(width, "0");
const money = (cents: number): string => `${Math.floor(cents / 100)}.${digits(cents % 100, 2)}`;
