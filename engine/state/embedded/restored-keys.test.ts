import { expect, test } from "vitest";
import { awkwardKeys } from "#broker/awkward-keys.ts";
import { RestoredKeys } from "./restored-keys.ts";
import { RestoredOrder } from "./restored-order.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(`[K120] keys of restored rows are found and ordered as those of a map are, SEED=${seed}`, () => {
  let state = seed;
  const upTo = (n: number): number => Math.floor(((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32) * n);
  const texts = [...awkwardKeys, ...Array.from({ length: 5000 }, (_, i) => `key ${i % 7}/${"x".repeat(i % 11)}${i}`)];
  const keys = new RestoredKeys(10);
  const model = new Map<string, readonly [start: number, length: number]>();
  const found = (): Map<string, readonly [number, number]> =>
    new Map(
      Array.from({ length: keys.count }, (_, row) => row)
        .filter((row) => keys.isLive(row))
        .map((row) => [
          `${keys.stores[row]} ${keys.keyOf(row).toString("latin1")}`,
          [keys.valueStarts[row]!, keys.valueLengths[row]!] as const,
        ]),
    );
  for (let round = 0; round < 300; round++) {
    const store = upTo(3);
    const lead = upTo(4);
    const records = Array.from({ length: upTo(100) + 1 }, () => Buffer.from("~".repeat(lead) + texts[upTo(texts.length)]!));
    const starts = [0];
    for (const { length } of records) starts.push(starts.at(-1)! + length);
    const index = {
      bytes: Buffer.concat(records),
      keyStarts: Int32Array.from(starts),
      keyLengths: Int32Array.from(records, ({ length }) => length),
      valueStarts: Int32Array.from(records, (_, i) => i),
      valueLengths: Int32Array.from(records, () => upTo(9)),
    };
    keys.putRun(store, index, { first: 0, end: records.length, lead, valueBase: round * 1000 });
    for (const [i, record] of records.entries())
      model.set(`${store} ${record.subarray(lead).toString("latin1")}`, [round * 1000 + i, index.valueLengths[i]!]);
    for (let i = upTo(10); i > 0; i--) {
      const key = Buffer.from(texts[upTo(texts.length)]!);
      const row = keys.find(store, key);
      const name = `${store} ${key.toString("latin1")}`;
      expect(row >= 0 && keys.isLive(row), `SEED=${seed}`).toBe(model.has(name));
      if (row < 0) continue;
      keys.kill(row);
      model.delete(name);
    }
  }
  expect(found()).toEqual(model);
  expect(keys.live).toBe(model.size);

  const inOrder = [...model.keys()].sort((a, b) => Buffer.compare(Buffer.from(a, "latin1"), Buffer.from(b, "latin1")));
  const order = new RestoredOrder(keys);
  while (!order.prepare(97));
  const nameOf = (row: number): string => `${keys.stores[row]} ${keys.keyOf(row).toString("latin1")}`;
  expect(Array.from(order.from(-1, Buffer.alloc(0)), nameOf)).toEqual(inOrder);
  for (let i = 0; i < 200; i++) {
    const [store, key] = [upTo(3), Buffer.from(texts[upTo(texts.length)]!.slice(0, upTo(8)))];
    const from = Buffer.concat([Buffer.from(`${store} `), key]);
    const wanted = inOrder.filter((name) => Buffer.compare(Buffer.from(name, "latin1"), from) >= 0);
    expect(Array.from(order.from(store, key), nameOf), `SEED=${seed}`).toEqual(wanted);
  }
});
