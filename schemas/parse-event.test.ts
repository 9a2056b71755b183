import { describe, expect, test } from "vitest";
import { decodeEvent, encodeEvent } from "./event-codec.ts";
import { toJson } from "./event-json.ts";
import { type Problem, maxProblems, maxWarnings } from "./json/problem.ts";
import { parseEvent } from "./parse-event.ts";
import { randomJsonEvent } from "./testing/random-event.ts";
import { seededRandom, testSeed } from "./testing/seeded-random.ts";

const seed = testSeed();

type Json = Record<string, unknown>;

function order(): { data: { items: Json[]; total: Json; shippingAddress: Json; paymentMethod: Json } & Json; metadata?: unknown } & Json {
  return {
    eventId: "01938b2e-7c00-7000-8000-000000000001",
    eventType: "order.created",
    eventVersion: "1.0.0",
    source: "storefront-eu",
    timestamp: "2026-11-21T09:00:01.250Z",
    data: {
      orderId: "o-1",
      customerId: "c-1",
      items: [
        { sku: "A", quantity: 2, unitPrice: { amount: "49.90", currency: "EUR" } },
        { sku: "B", quantity: 1, unitPrice: { amount: 0.001, currency: "EUR" }, vendorId: "v-1" },
      ],
      total: { amount: "99.801", currency: "EUR" },
      shippingAddress: { country: "Germany" },
      paymentMethod: { type: "card" },
    },
  };
}

function problemsOf(json: unknown): readonly Problem[] {
  const parsed = parseEvent(json);
  return parsed.kind === "invalid" ? parsed.problems : [];
}

describe("an event out of JSON", () => {
  test("[E3] becomes its decoded form, absent fields null, with its key", () => {
    const parsed = parseEvent(order());
    expect(parsed).toMatchObject({
      kind: "parsed",
      key: "c-1",
      warnings: [],
      schema: { topic: "business.orders.created" },
      event: {
        timestamp: Date.UTC(2026, 10, 21, 9, 0, 1, 250),
        metadata: { sessionId: null, ipAddress: null },
        data: {
          items: [
            { unitPrice: { amount: 499_000n, currency: "EUR" }, vendorId: null },
            { unitPrice: { amount: 10n, currency: "EUR" }, vendorId: "v-1" },
          ],
          total: { amount: 998_010n },
        },
      },
    });
  });

  test("[E3] every mistake is told at once, each with its pointer and what was expected", () => {
    const json = order();
    json.data.items[0]!["quantity"] = 0;
    json.data.items[1]!["sku"] = "";
    json.data.total["currency"] = "EURO";
    delete json.data["orderId"];
    json["timestamp"] = "yesterday";
    const found = problemsOf(json);
    expect(found.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/data/items/0/quantity",
      "/data/items/1/sku",
      "/data/orderId",
      "/data/total/currency",
      "/timestamp",
    ]);
    expect(found).toContainEqual({
      pointer: "/data/items/0/quantity",
      code: "schema_violation",
      expected: "an int ≥ 1",
      detail: "must be an int ≥ 1, not 0",
    });
  });

  test("[E3] a slip of the pen is an error that says what was meant, for optional fields too", () => {
    const json = order();
    json.data.items[0] = { sku: "A", quantty: 2, unitPrice: { amount: "1", currency: "EUR" } };
    json.data["custmerId"] = json.data["customerId"];
    delete json.data["customerId"];
    expect(problemsOf(json)).toMatchObject([
      { pointer: "/data/items/0/quantty", code: "schema_violation", didYouMean: "quantity" },
      { pointer: "/data/custmerId", code: "schema_violation", didYouMean: "customerId" },
    ]);
  });

  test("[E3] what an object must have is told from what it may have", () => {
    const json = order();
    delete (json.data as Partial<Record<string, unknown>>)["paymentMethod"];
    expect(problemsOf(json)).toMatchObject([{ pointer: "/data/paymentMethod", expected: "an object {type, cardId?}" }]);
  });

  test("[E3] other unknown fields are told, at every depth, and not kept", () => {
    const json = order();
    json["tenant"] = "t";
    json.data.items[0]!["colour"] = "red";
    const parsed = parseEvent(json);
    expect(parsed).toMatchObject({
      kind: "parsed",
      warnings: [
        { pointer: "/data/items/0/colour", code: "unknown_field" },
        { pointer: "/tenant", code: "unknown_field" },
      ],
    });
    expect(parsed.kind === "parsed" && "tenant" in parsed.event).toBe(false);
  });

  test("[E3] undefined is absent, also in objects that no JSON made", () => {
    const json = order();
    json.data["orderId"] = undefined;
    json.data["customerId"] = undefined;
    json["extra"] = undefined;
    expect(parseEvent(json)).toMatchObject({ kind: "invalid", problems: [{ pointer: "/data/orderId" }], warnings: [] });
    json.data["orderId"] = "o-1";
    expect(parseEvent(json)).toMatchObject({ kind: "parsed", key: "guest-o-1", event: { data: { customerId: null } }, warnings: [] });
  });

  test("[E3] names and numbers of warnings are bounded, and never hide a mistake", () => {
    const json = order();
    for (let i = 0; i < 300; i++) {
      json[`extra-field-${i}`] = i;
      json.data[`extra-field-${"~/".repeat(100)}${i}`] = i;
    }
    json.data.items = Array.from({ length: 500 }, () => ({ sku: 1, quantity: 1, unitPrice: { amount: "1", currency: "EUR" } }));
    const parsed = parseEvent(json);
    expect(parsed.kind).toBe("invalid");
    expect(problemsOf(json)).toHaveLength(maxProblems);
    expect(parsed.warnings.length).toBeLessThanOrEqual(maxWarnings);
    json.data.items = [];
    expect(problemsOf(json)).toMatchObject([{ pointer: "/data/items" }]);
    expect(Math.max(...parsed.warnings.map(({ pointer }) => pointer.length))).toBeLessThan(200);
  });
});

describe("hostile values", () => {
  const deep: Json = {};
  let at = deep;
  for (let i = 0; i < 100_000; i++) at = (at["a"] = {}) as Json;

  const cases: readonly (readonly [string, (json: ReturnType<typeof order>) => void, string, string])[] = [
    ["1e400", (json) => (json.data.items[0]!["quantity"] = JSON.parse("1e400")), "/data/items/0/quantity", "number_out_of_range"],
    [
      "an integer beyond 2^53",
      (json) => (json.data.items[0]!["quantity"] = JSON.parse("9007199254740993")),
      "/data/items/0/quantity",
      "number_out_of_range",
    ],
    ["an int beyond 2^31", (json) => (json.data.items[0]!["quantity"] = 2 ** 31), "/data/items/0/quantity", "schema_violation"],
    ["amount 1e400", (json) => (json.data.total["amount"] = JSON.parse("1e400")), "/data/total/amount", "number_out_of_range"],
    ...[
      "NaN",
      "1e3",
      "-0",
      "",
      "1".repeat(40),
      "+1",
      ".5",
      "5.",
      "007",
      "1,5",
      "0x1F",
      " 1",
      "١",
      "1.00001",
      "-0.00",
      "1_000",
      "Infinity",
      "1.2.3",
    ].map(
      (amount) =>
        [
          `amount ${JSON.stringify(amount)}`,
          (json: ReturnType<typeof order>) => (json.data.total["amount"] = amount),
          "/data/total/amount",
          "schema_violation",
        ] as const,
    ),
    ...[1e21, 1e-7, -0, 0.00001, 0.1 + 0.2, true, null, {}, ["1"]].map(
      (amount) =>
        [
          `amount ${JSON.stringify(amount)} as ${typeof amount}`,
          (json: ReturnType<typeof order>) => (json.data.total["amount"] = amount),
          "/data/total/amount",
          "schema_violation",
        ] as const,
    ),
    ["a negative price", (json) => (json.data.total["amount"] = "-0.01"), "/data/total/amount", "schema_violation"],
    ...[-1, 0, 1.5, "2", true, null, [1]].map(
      (quantity) =>
        [
          `quantity ${JSON.stringify(quantity)}`,
          (json: ReturnType<typeof order>) => (json.data.items[0]!["quantity"] = quantity),
          "/data/items/0/quantity",
          "schema_violation",
        ] as const,
    ),
    [
      "__proto__",
      (json) => (json.data.shippingAddress = JSON.parse('{"country":"x","__proto__":{"admin":true}}') as Json),
      "/data/shippingAddress/__proto__",
      "forbidden_key",
    ],
    [
      "constructor.prototype",
      (json) => Object.assign(json, { constructor: { prototype: { admin: true } } }),
      "/constructor",
      "forbidden_key",
    ],
    ["__proto__ within an unknown field", (json) => (json["extra"] = JSON.parse('{"a":[{"__proto__":1}]}')), "/extra", "forbidden_key"],
    ["half a surrogate pair", (json) => (json.data.shippingAddress["city"] = "\ud800"), "/data/shippingAddress/city", "ill_formed_string"],
    ["half a surrogate pair as key", (json) => (json.data["customerId"] = "a\udc00"), "/data/customerId", "ill_formed_string"],
    ...["a\u0000", "a\n", "\u202Eevil", "a\u200Bb", "\uFEFFa", "é", "a b", "a/b", "", "x".repeat(65), "a|b"].map(
      (id) =>
        [
          `eventId ${JSON.stringify(id)}`,
          (json: ReturnType<typeof order>) => (json["eventId"] = id),
          "/eventId",
          "schema_violation",
        ] as const,
    ),
    ...["a\u0000", "a\nb", "\u202Eevil", "a\u200Bb", "", "x".repeat(129), "é".repeat(65), "\u2028"].map(
      (key) =>
        [
          `customerId ${JSON.stringify(key)}`,
          (json: ReturnType<typeof order>) => (json.data["customerId"] = key),
          "/data/customerId",
          "schema_violation",
        ] as const,
    ),
    [
      "a text of 10 KB as session",
      (json) => (json.metadata = { sessionId: "s".repeat(10_240) }),
      "/metadata/sessionId",
      "schema_violation",
    ],
    [
      "a text over 16 KiB",
      (json) => (json.data.items[0]!["description"] = "x".repeat(16_385)),
      "/data/items/0/description",
      "schema_violation",
    ],
    ...["../x", "order.created\u0000", "ordеr.created", "__proto__", "constructor", "toString", "", "business.orders.created"].map(
      (type) =>
        [
          `eventType ${JSON.stringify(type)}`,
          (json: ReturnType<typeof order>) => (json["eventType"] = type),
          "/eventType",
          "unknown_schema",
        ] as const,
    ),
    ["eventType 1", (json) => (json["eventType"] = 1), "/eventType", "schema_violation"],
    ["a version of nobody", (json) => (json["eventVersion"] = "9.0.0"), "/eventVersion", "unknown_schema"],
    ["a version that is none", (json) => (json["eventVersion"] = "one"), "/eventVersion", "schema_violation"],
    ["a version as number", (json) => (json["eventVersion"] = 1), "/eventVersion", "schema_violation"],
    ...[
      "2026-02-30T00:00:00Z",
      "2025-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-11-31T00:00:00Z",
      "2026-11-21T24:00:00Z",
      "2026-11-21T23:59:60Z",
      "2026-11-21T09:00:00",
      "2026-11-21 09:00:00Z",
      "2026-11-21",
      "+275760-09-13T00:00:00Z",
      "2026-11-21T09:00:00+24:00",
      "2026-11-21T09:00:00.Z",
      "2026-11-21T09:00:00ZZ",
      "9999-12-31T23:59:59-23:59",
      "Sat, 21 Nov 2026 09:00:00 GMT",
      "",
    ].map(
      (time) => [`time ${time}`, (json: ReturnType<typeof order>) => (json["timestamp"] = time), "/timestamp", "invalid_time"] as const,
    ),
    ["time as number", (json) => (json["timestamp"] = 1_764_000_000_000), "/timestamp", "schema_violation"],
    ["metadata null", (json) => (json.metadata = null), "/metadata", "schema_violation"],
    ["data an array", (json) => (json.data = [] as never), "/data", "schema_violation"],
    ["items an object", (json) => (json.data.items = { length: 1 } as never), "/data/items", "schema_violation"],
    ["items empty", (json) => (json.data.items = []), "/data/items", "schema_violation"],
    ["items of null", (json) => (json.data.items = [null as never]), "/data/items/0", "schema_violation"],
    ["a currency in small letters", (json) => (json.data.total["currency"] = "eur"), "/data/total/currency", "schema_violation"],
    ["depth 100,000 where a text belongs", (json) => (json.data["orderId"] = deep), "/data/orderId", "schema_violation"],
  ];

  test.each(cases)("[E3] %s is refused at its place", (_, spoil, pointer, code) => {
    const json = order();
    spoil(json);
    expect(problemsOf(json)).toEqual([expect.objectContaining({ pointer, code })]);
  });

  test("[E3] depth 100,000 in an unknown field is walked and dropped", () => {
    expect(parseEvent({ ...order(), extra: deep })).toMatchObject({ kind: "parsed", warnings: [{ pointer: "/extra" }] });
  });

  test.each([null, undefined, 1, "x", true, [], [order()], {}, JSON.parse('{"__proto__":1}'), new Date(0)])(
    "[E3] %j is no event",
    (json) => {
      expect(parseEvent(json).kind).toBe("invalid");
    },
  );

  test("[E3] the time of 1969 and of 9999 is a time: whether it is wanted is the gateway's question", () => {
    expect(parseEvent({ ...order(), timestamp: "1969-12-31T23:59:59.999+00:00" })).toMatchObject({ event: { timestamp: -1 } });
    expect(parseEvent({ ...order(), timestamp: "9999-12-31T23:59:59.999Z" })).toMatchObject({ event: { timestamp: 253_402_300_799_999 } });
  });

  test(`[E3] whatever is done to a valid event, the answer is an event or its mistakes, seed ${seed}`, () => {
    const random = seededRandom(seed);
    // Made anew each time: what is struck again would else be struck in its other places too.
    const poison = [
      "null",
      '""',
      '"\\ud800"',
      "-1",
      "1e400",
      "9007199254740993",
      "0.5",
      "[]",
      "{}",
      "true",
      '{"__proto__":1}',
      "[[[[]]]]",
      `"${"x".repeat(20_000)}"`,
    ];
    for (let i = 0; i < 10_000; i++) {
      const json = JSON.parse(JSON.stringify(randomJsonEvent(random))) as Json;
      for (let hits = random.between(1, 3); hits > 0; hits--) strike(json);
      const parsed = parseEvent(json);
      if (parsed.kind === "parsed") {
        const again = decodeEvent(encodeEvent(parsed.event));
        expect(again.kind === "decoded" && again.event).toEqual(parsed.event);
        expect(parseEvent(toJson(parsed.event))).toMatchObject({ kind: "parsed", key: parsed.key });
      } else expect(parsed.problems.length).toBeGreaterThan(0);
    }

    function strike(value: unknown): void {
      const parent = value as Json;
      const names = Object.keys(parent);
      if (names.length === 0) return;
      const name = random.pick(names);
      if (typeof parent[name] === "object" && parent[name] !== null && random.chance(0.8)) return strike(parent[name]);
      const kind = random.between(0, 4);
      if (kind === 0) delete parent[name];
      else if (kind === 1) parent[`${name}x`] = structuredClone(parent[name]);
      else parent[name] = JSON.parse(random.pick(poison));
    }
  });
});

describe("keys", () => {
  test("[E9] an order's key is its customer, else its session, else the order as guest", () => {
    const json = order();
    expect(parseEvent(json)).toMatchObject({ key: "c-1" });
    json.data["customerId"] = null;
    json.metadata = { sessionId: "s-1" };
    expect(parseEvent(json)).toMatchObject({ key: "s-1" });
    json.metadata = {};
    expect(parseEvent(json)).toMatchObject({ key: "guest-o-1" });
  });

  test("[E9] composed and decomposed letters are the same key and the same value", () => {
    const keys = ["Zo\u00e9", "Zoe\u0301"].map((customerId) => {
      const json = order();
      json.data["customerId"] = customerId;
      return parseEvent(json);
    });
    expect(keys[0]).toEqual(keys[1]);
    expect(keys[0]).toMatchObject({ key: "Zo\u00e9", event: { data: { customerId: "Zo\u00e9" } } });
  });

  test("[E9] an event without its key is refused at the key's place", () => {
    const json = {
      ...order(),
      eventType: "cart.item_added",
      data: { cartId: "c", sku: "A", quantity: 1, unitPrice: { amount: "1", currency: "EUR" } },
    };
    expect(problemsOf(json)).toMatchObject([{ pointer: "/metadata/sessionId", code: "schema_violation" }]);
    expect(parseEvent({ ...json, metadata: { sessionId: "s" } })).toMatchObject({ key: "s" });
  });
});
