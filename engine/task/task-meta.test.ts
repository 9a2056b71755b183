import { expect, test } from "vitest";
import { cellName, TaskMeta } from "./task-meta.ts";

const nodes = new Set(["a"]);

test("[T2] the numbers of a task come back as they were committed, whatever they are", () => {
  const numbers = [
    0,
    -1,
    -2,
    1,
    125,
    126,
    127,
    128,
    16_381,
    16_382,
    2 ** 31,
    2 ** 40 + 0.5,
    1_700_000_000_000,
    0.1,
    -0,
    Infinity,
    -Infinity,
  ];
  numbers.push(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 2, Number.MIN_SAFE_INTEGER, 1e300);
  const names = numbers.map((_, i) => [`told/some-long-topic/up/${i}`, cellName("a", `é${"x".repeat(i * 30)}`), `n${i}`]).flat();
  const meta = new TaskMeta(new Uint8Array(0), nodes);
  names.forEach((name, i) => (meta.cell(name, 0).value = numbers[i % numbers.length]!));
  const again = new TaskMeta(meta.encode(), nodes);
  for (const [i, name] of names.entries()) expect(again.read(name), name).toBe(numbers[i % numbers.length]! + 0);
  // What comes later finds its place among the others.
  again.cell("b", 7);
  const third = new TaskMeta(again.encode(), nodes);
  expect([third.read("b"), third.read("n3"), third.has("c")]).toEqual([7, again.read("n3"), false]);
});

test("[T2] names that differ at their end cost little", () => {
  const meta = new TaskMeta(new Uint8Array(0), nodes);
  for (let i = 0; i < 100; i++) meta.cell(`told/commerce-cancelled-lines-repartition/business.orders.cancelled/${i}`, 5);
  expect(meta.encode().length).toBeLessThan(600);
});

test("[T2] the numbers of a commit in the first form are read too", () => {
  const names = Buffer.from("stream-time\nnode/a#in\nnode/gone#in");
  const head = Buffer.alloc(4);
  head.writeUInt32BE(names.length);
  const values = Buffer.alloc(24);
  [1_700_000_000_000, 3, 4].forEach((value, i) => values.writeDoubleBE(value, 8 * i));
  const meta = new TaskMeta(Buffer.concat([head, names, values]), nodes);
  expect([meta.read("stream-time"), meta.read("node/a#in"), meta.has("node/gone#in")]).toEqual([1_700_000_000_000, 3, false]);
});
