import { expect, test } from "vitest";
import { runInline } from "./testing/inline-topology.ts";

const things =
  "topics: { shop.things: { fields: { id: string, group: string?, n: int, m: money?, d: double, time: timestamp, tags: list<string> }, key: id } }";

/** Every law runs as a compiled plan in the driver, with and without a restart after every record. */
function holds(nodes: string, cases: string): void {
  expect(runInline(`topology: t\n${things}\nnodes:\n${nodes}`, cases)).toEqual([]);
}

test("[Y8] every function of an aggregate folds its argument and leaves nulls out", () => {
  holds(
    `
  all:
    from: shop.things
    aggregate: { n: count(), s: sum(n), lo: min(n), hi: max(m), mean: avg(d), names: distinct(group), first: first(group), last: last(n), worth: sum(m), latest: max(time) }
`,
    `
- name: fold
  in:
    shop.things:
      - { at: 1s, key: a, id: a, group: null, n: 3, d: 1, m: null }
      - { at: 2s, key: a, id: a, group: y, n: -1, d: 2, m: "0.1", tags: [] }
      - { at: 3s, key: a, id: a, group: x, n: 5, d: 6, m: "0.2", tags: [] }
      - { at: 4s, key: a, id: a, group: y, n: 0, d: 6, m: null, tags: [] }
      - { at: 4s, key: b, id: b, n: 0, d: 0, tags: [] }
  rows:
    all:
      - { id: a, n: 4, s: 7, lo: -1, hi: "0.20", mean: 3.75, names: 2, first: y, last: 0, worth: "0.30" }
      - { id: b, n: 1, s: 0, lo: 0, hi: null, mean: 0, names: 0, first: null, last: 0, worth: null }
`,
  );
});

test("[Y7] a key of several parts groups by all of them, and is shown as columns", () => {
  holds(
    `
  by-both:
    from: shop.things
    key: [group, { as: big, of: n > 10 }]
    aggregate: { things: count() }
    to: analytics.by-both
`,
    `
- name: tuple
  partitions: 3
  in:
    shop.things:
      - { at: 1s, key: a, id: a, group: x, n: 3 }
      - { at: 2s, key: b, id: b, group: x, n: 30 }
      - { at: 3s, key: c, id: c, group: x, n: 4 }
      - { at: 4s, key: d, id: d, group: null, n: 4 }
  rows: { by-both: [{ group: x, big: false, things: 2 }, { group: x, big: true, things: 1 }] }
- name: what others read has a list as its key
  in: { shop.things: [{ key: a, id: a, group: x, n: 3 }] }
  out: { analytics.by-both: [{ key: '["x",false]', group: x, big: false, things: 1 }] }
`,
  );
});

test("[Y6] ints, times and truths are keys, and come back as what they were", () => {
  holds(
    `
  by-n: { from: shop.things, key: n, aggregate: { things: count() } }
  by-time: { from: shop.things, key: time, aggregate: { things: count() } }
  by-truth: { from: shop.things, key: { as: even, of: n % 2 == 0 }, aggregate: { things: count() } }
`.replace("key: at", "key: { as: time, of: time }"),
    `
- name: keys
  in:
    shop.things:
      - { key: a, id: a, n: -3 }
      - { key: b, id: b, n: 4 }
  rows:
    by-n: [{ n: -3, things: 1 }, { n: 4, things: 1 }]
    by-truth: [{ even: false, things: 1 }, { even: true, things: 1 }]
`,
  );
});

test("[Y3] branches take a record once, the first that holds, and may be merged again", () => {
  holds(
    `
  split: { from: shop.things, where: n != 0, branch: { many: n > 10, some: n > 5 } }
  many: { from: split.many, select: { id: id, kind: '"many"', n: n }, to: analytics.many }
  both: { from: [many, split.some], aggregate: { n: sum(n) } }
`,
    `
- name: branch
  in:
    shop.things:
      - { key: a, id: a, n: 11 }
      - { key: a, id: a, n: 7 }
      - { key: a, id: a, n: 1 }
      - { key: a, id: a, n: 0 }
  out: { analytics.many: [{ key: a, id: a, kind: many, n: 11 }] }
  rows: { both: [{ id: a, n: 18 }] }
`,
  );
});

test("[Y3] flatMap gives each element that its test lets through, under the key that follows", () => {
  holds(
    `
  tags: { from: shop.things, flatMap: { each: tags, as: tag, where: 'tag != "no" && n > 0', select: { tag: tag, n: n, size: size(tag) } }, key: tag }
  by-tag: { from: tags, aggregate: { n: sum(n), size: max(size) } }
`,
    `
- name: flatMap
  partitions: 2
  in:
    shop.things:
      - { key: a, id: a, n: 1, d: 1, tags: [x, "no", yy] }
      - { key: b, id: b, n: 2, d: 1, tags: [yy, yy] }
      - { key: c, id: c, n: 0, d: 1, tags: [x] }
  rows: { by-tag: [{ tag: x, n: 1, size: 1 }, { tag: yy, n: 5, size: 2 }] }
`,
  );
});

test("[Y9] windows give every update or one final result, and late records go where the file says", () => {
  holds(
    `
  updates: { from: shop.things, window: { tumbling: 10s, grace: 5s, retain: 1h }, aggregate: { n: sum(n) }, late: dead-letter, to: analytics.updates }
  finals: { from: shop.things, window: { tumbling: 10s, grace: 5s, retain: 1h }, aggregate: { n: sum(n) }, emit: final, to: analytics.finals }
`,
    `
- name: windows
  steps:
    - in: { shop.things: [{ at: 1s, key: a, id: a, n: 1 }, { at: 14s, key: a, id: a, n: 2 }] }
      out:
        analytics.updates: [{ key: a, at: 1s, window_start: 0s, window_end: 10s, n: 1 }, { key: a, at: 14s, window_start: 10s, n: 2 }]
        analytics.finals: []
    - in: { shop.things: [{ at: 2s, key: a, id: a, n: 4 }] }
      out: { analytics.updates: [{ key: a, at: 2s, window_start: 0s, n: 5 }], analytics.finals: [] }
      deadLetters: []
    - in: { shop.things: [{ at: 15s, key: a, id: a, n: 8 }] }
      out: { analytics.finals: [{ key: a, window_start: 0s, window_end: 10s, n: 5 }] }
    - in: { shop.things: [{ at: 3s, key: a, id: a, n: 16 }] }
      out: { analytics.updates: [], analytics.finals: [] }
      deadLetters: [{ topic: shop.things, reason: late, node: updates, key: a }]
      rows: { updates: [{ window_start: 0s, n: 5 }, { window_start: 10s, n: 10 }] }
`,
  );
});

test("[Y10] a table keeps the last of each key, or of what it is told", () => {
  holds(
    `
  last: { from: shop.things, table: true }
  by-group: { from: shop.things, select: { group: 'coalesce(group, "none")', n: n }, table: { by: [group] } }
  counted: { from: last, aggregate: { changes: count() } }
`,
    `
- name: tables
  in:
    shop.things:
      - { key: a, id: a, group: x, n: 1, d: 0.5, m: "3", tags: [p, q] }
      - { key: a, id: a, group: y, n: 2 }
      - { key: b, id: b, group: x, n: 3 }
      - { key: c, id: c, n: 4 }
  rows:
    last: [{ id: a, group: y, n: 2, d: 1, m: null, tags: [] }, { id: b, n: 3 }, { id: c, n: 4 }]
    by-group: [{ group: none, n: 4 }, { group: x, n: 3 }, { group: y, n: 2 }]
    counted: [{ id: a, changes: 2 }, { id: b, changes: 1 }, { id: c, changes: 1 }]
`,
  );
});

test("[Y11] top ranks what falls, too, and its members may be named", () => {
  holds(
    `
  best: { from: shop.things, where: group != null, key: group, top: { by: [n desc, id], limit: 2, each: id } }
`,
    `
- name: top
  steps:
    - in:
        shop.things:
          - { key: a, id: a, group: x, n: 9 }
          - { key: b, id: b, group: x, n: 5 }
          - { key: c, id: c, group: x, n: 4 }
          - { key: d, id: d, group: y, n: 1 }
      rows: { best: [{ group: x, rank: 1, id: a, n: 9 }, { group: x, rank: 2, id: b }, { group: y, rank: 1, id: d }] }
    - in: { shop.things: [{ key: a, id: a, group: x, n: 1 }] }
      rows: { best: [{ rank: 1, id: b }, { rank: 2, id: c, n: 4 }, { rank: 1, id: d }] }
`,
  );
});

test("[Y12] a topic of the topology's own is read as its writer wrote it", () => {
  holds(
    `
  sums: { from: shop.things, aggregate: { n: sum(n), m: sum(m) }, to: analytics.sums }
  large: { from: analytics.sums, where: n > 2, select: { id: id, n: n * 2, m: m }, table: true }
  declared: { from: shop.things, select: { id: id, n: n, more: d }, to: analytics.declared }
`,
    `
- name: through a topic
  in:
    shop.things:
      - { at: 1s, key: a, id: a, n: 2, d: 1, m: "0.5", tags: [] }
      - { at: 2s, key: a, id: a, n: 2, d: 1, m: "0.25", tags: [] }
  rows: { large: [{ id: a, n: 8, m: "0.75" }] }
  out: { analytics.declared: [{ key: a, id: a, n: 2, more: 1 }, { key: a, n: 2 }] }
`,
  );
});

test("[Y4] a record whose expression fails is dead-lettered alone, and changes no column", () => {
  holds(
    `
  sums: { from: shop.things, aggregate: { n: count(), worth: sum(m), share: sum(100 / n) } }
`,
    `
- name: failing
  in:
    shop.things:
      - { key: a, id: a, n: 1, d: 1, m: "1", tags: [] }
      - { key: a, id: a, n: 0, d: 1, m: "1", tags: [] }
      - { key: a, id: a, n: 1, d: 1, m: { amount: "1", currency: EUR }, tags: [] }
      - { key: a, id: a, n: 50, d: 1, m: "2", tags: [] }
      - { key: a, raw: nothing }
  rows: { sums: [{ id: a, n: 2, worth: 3, share: 102 }] }
  deadLetters:
    - { reason: expression-failed, node: sums, detail: "sums.aggregate: sum(100 / n): division by zero" }
    - { reason: currency-mismatch, node: sums, detail: "sums.aggregate: sum(m): GBP and EUR" }
    - { reason: undecodable }
`,
  );
});

test("[Y7] whole events may be regrouped, and count as events behind it", () => {
  expect(
    runInline(
      `
topology: t
nodes:
  received: { from: business.inventory.received, where: data.warehouseId != null, key: data.warehouseId }
  copies: { from: received, to: analytics.copies }
  by-warehouse: { from: received, aggregate: { units: sum(data.quantity), last: last(eventId) } }
`,
      `
- name: events
  partitions: 2
  in:
    business.inventory.received:
      - { eventId: r1, data: { sku: A, quantity: 2, warehouseId: north } }
      - { eventId: r2, data: { sku: B, quantity: 3, warehouseId: north } }
      - { eventId: r3, data: { sku: B, quantity: 3, warehouseId: null } }
  rows: { by-warehouse: [{ warehouseId: north, units: 5, last: r2 }] }
  out: { analytics.copies: [{ key: north, eventId: r1, data: { sku: A, quantity: 2 } }, { key: north, eventId: r2 }] }
`.replace("partitions: 2", "partitions: 1"),
    ),
  ).toEqual([]);
});
