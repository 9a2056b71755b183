import avsc from "avsc";
import { describe, expect, test } from "vitest";
import { toAvro } from "./field-type.ts";
import { decodeEvent, encodeEvent, framingBytes, projectedDecoder } from "./event-codec.ts";
import { toJson } from "./event-json.ts";
import { eventRegistry, schemaOf } from "./event-registry.ts";
import { eventTypes } from "./event-types.ts";
import type { FieldType } from "./field-type.ts";
import { parseEvent } from "./parse-event.ts";
import type { EventDraft, ShopEvent } from "./shop-event.ts";
import { randomEvent } from "./testing/random-event.ts";
import { seededRandom, testSeed } from "./testing/seeded-random.ts";

const seed = testSeed();

function decoded(bytes: Uint8Array): ShopEvent {
  const result = decodeEvent(bytes);
  if (result.kind !== "decoded") throw new Error(`seed ${seed}: ${result.code} ${result.detail}`);
  return result.event;
}

/** Avro's value of a decoded one, as avsc wants it: decimals as bytes. */
function forAvsc(type: FieldType, value: unknown): unknown {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are the same in both
  switch (type.kind) {
    case "decimal":
      return twosComplement(value as bigint);
    case "money": {
      const { amount, currency } = value as { amount: bigint; currency: string };
      return { amount: twosComplement(amount), currency };
    }
    case "nullable":
      return value === null ? null : forAvsc(type.of, value);
    case "array":
      return (value as unknown[]).map((item) => forAvsc(type.items, item));
    case "map":
      return Object.fromEntries(
        Object.keys(value as object)
          .toSorted()
          .map((key) => [key, forAvsc(type.values, (value as Record<string, unknown>)[key])]),
      );
    case "record":
      return Object.fromEntries(
        type.fields.map((field) => [field.name, forAvsc(field.type, (value as Record<string, unknown>)[field.name])]),
      );
    default:
      return value;
  }
}

function twosComplement(value: bigint): Buffer {
  let size = 1;
  while (BigInt.asIntN(size * 8, value) !== value) size++;
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, "0");
  return Buffer.from(hex, "hex");
}

describe(`events as bytes, seed ${seed}`, () => {
  test.each(eventTypes)("[E1] %s comes back from its bytes as it was, and from its JSON too", (eventType) => {
    const random = seededRandom(seed);
    for (let i = 0; i < 200; i++) {
      const event = randomEvent(random, eventType);
      expect(decoded(encodeEvent(event))).toEqual(event);
      const parsed = parseEvent(JSON.parse(JSON.stringify(toJson(event))));
      expect(parsed).toMatchObject({ kind: "parsed", warnings: [] });
      expect(parsed.kind === "parsed" && parsed.event).toEqual(event);
    }
  });

  test.each(eventTypes)("[E1] %s has the bytes that avsc gives it, behind 0x00 and its schema id", (eventType) => {
    const random = seededRandom(seed + 1);
    const { type, schemaId } = schemaOf(eventType);
    const reference = avsc.Type.forSchema(toAvro(type) as avsc.Schema);
    for (let i = 0; i < 50; i++) {
      const event = randomEvent(random, eventType);
      // avsc takes no integer this near to 2^53, and writes a map's keys in JavaScript's order, where numbers come first.
      const json = JSON.stringify(toJson(event));
      if (json.includes("9007199254740991") || /"parameters":\{[^}]*"\d+":/.test(json)) continue;
      const bytes = encodeEvent(event);
      expect(bytes[0]).toBe(0);
      expect(bytes.readUInt32BE(1)).toBe(schemaId);
      expect(bytes.subarray(framingBytes).equals(reference.toBuffer(forAvsc(type, event)))).toBe(true);
    }
  });

  test("[E1] views that were handed out stay as they are", () => {
    const random = seededRandom(seed + 2);
    const events = Array.from({ length: 500 }, () => randomEvent(random));
    const views = events.map((event) => encodeEvent(event));
    for (const [i, event] of events.entries()) expect(decoded(views[i]!)).toEqual(event);
  });

  test("[E1] what may be null may be left out when encoding", () => {
    const draft: EventDraft<"inventory.level"> = {
      eventId: "e1",
      eventType: "inventory.level",
      eventVersion: "1.0.0",
      source: "test",
      timestamp: 5,
      data: { sku: "A", level: 3 },
    };
    expect(decoded(encodeEvent(draft))).toMatchObject({ correlationId: null, metadata: { sessionId: null }, data: { sku: "A", level: 3 } });
  });

  test("[E1] a value of another type is refused with the path of its field, and spoils no later event", () => {
    const event = randomEvent(seededRandom(seed), "order.created");
    const wrong = { ...event, data: { ...event.data, items: [{ sku: "A", quantity: 1.5, unitPrice: { amount: 1n, currency: "EUR" } }] } };
    expect(() => encodeEvent(wrong)).toThrow(expect.objectContaining({ code: "SCHEMA_NOT_ENCODABLE", at: "data.items[].quantity" }));
    const float = { ...event, data: { ...event.data, total: { amount: 1.5 as unknown as bigint, currency: "EUR" } } };
    expect(() => encodeEvent(float)).toThrow(expect.objectContaining({ at: "data.total.amount" }));
    expect(decoded(encodeEvent(event))).toEqual(event);
  });
});

describe(`bytes of anybody, seed ${seed}`, () => {
  const bytes = encodeEvent(randomEvent(seededRandom(7), "order.created"));
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ["nothing", new Uint8Array(0), "SCHEMA_BAD_FRAMING"],
    ["another first byte", Buffer.concat([Buffer.of(1), bytes.subarray(1)]), "SCHEMA_BAD_FRAMING"],
    ["framing cut short", bytes.subarray(0, 4), "SCHEMA_BAD_FRAMING"],
    ["an id of nobody", Buffer.concat([Buffer.of(0, 255, 255, 255, 255), bytes.subarray(5)]), "SCHEMA_UNKNOWN_ID"],
    ["nothing behind the framing", bytes.subarray(0, 5), "SCHEMA_TRUNCATED"],
    ["the last byte missing", bytes.subarray(0, -1), "SCHEMA_TRUNCATED"],
    ["a byte too many", Buffer.concat([bytes, Buffer.of(0)]), "SCHEMA_TRAILING_BYTES"],
    ["a text of a negative length", Buffer.of(0, 0, 0, 0, 1, 1), "SCHEMA_CORRUPT"],
    ["a text of 2^62 bytes", Buffer.of(0, 0, 0, 0, 1, ...Array.from({ length: 8 }, () => 255), 127), "SCHEMA_UNSAFE_INTEGER"],
    ["an endless integer", Buffer.of(0, 0, 0, 0, 1, ...Array.from({ length: 40 }, () => 255)), "SCHEMA_CORRUPT"],
    ["text that is no UTF-8", Buffer.of(0, 0, 0, 0, 1, 4, 0xc0, 0xa0), "SCHEMA_CORRUPT"],
  ];

  test.each(cases)("[E2] %s is undecodable, with a code", (_, given, code) => {
    expect(decodeEvent(given)).toMatchObject({ kind: "undecodable", code });
    expect(projectedDecoder("order.created", ["eventId", "data.items.sku"])(given)).toMatchObject({ kind: "undecodable", code });
  });

  test("[E2] a block that claims 2^40 items ends at once", () => {
    const sku = schemaOf("order.shipped");
    const level = encodeEvent({
      eventId: "e",
      eventType: "order.shipped",
      eventVersion: "1.0.0",
      source: "s",
      timestamp: 0,
      data: { orderId: "o", carrier: "c", items: [] },
    });
    const claim = Buffer.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01);
    // The empty list of items is one zero byte, followed by the absent delivery time.
    const forged = Buffer.concat([level.subarray(0, -2), claim, Buffer.of(0, 0)]);
    const start = performance.now();
    expect(decodeEvent(forged)).toMatchObject({ kind: "undecodable", code: "SCHEMA_CORRUPT" });
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(sku.schemaId).toBe(3);
  });

  test("[E2] whatever is done to the bytes of an event, decoding answers", () => {
    const random = seededRandom(seed + 3);
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) {
      const forged = Buffer.from(encodeEvent(randomEvent(random)));
      for (let flips = random.between(1, 4); flips > 0; flips--) forged[random.between(0, forged.length - 1)] = random.between(0, 255);
      const cut = random.chance(0.3) ? forged.subarray(0, random.between(0, forged.length)) : forged;
      const result = decodeEvent(cut);
      // Between others' bytes it is what it is alone, mistakes and their places included.
      const among = Buffer.concat([forged, cut, forged]);
      expect(decodeEvent(among, forged.length, forged.length + cut.length)).toEqual(result);
      // What decodes in spite of it is an event like any other.
      if (result.kind === "decoded") expect(decoded(encodeEvent(result.event))).toEqual(result.event);
    }
    expect(performance.now() - start).toBeLessThan(25_000);
  });
});

describe(`projections, seed ${seed}`, () => {
  test.each(eventTypes)("[E4] any fields of %s read alone are those of the whole event", (eventType) => {
    const random = seededRandom(seed + 4);
    const paths = pathsOf(schemaOf(eventType).type);
    for (let i = 0; i < 30; i++) {
      const some = paths.filter(() => random.chance(0.3));
      const decode = projectedDecoder(eventType, some);
      const event = randomEvent(random, eventType);
      const result = decode(encodeEvent(event));
      expect(result.kind === "decoded" && result.event).toEqual(pick(event, some));
    }
  });

  test("[E4] the same fields in another order are the same decoder, and unknown ones are refused", () => {
    expect(projectedDecoder("order.created", ["timestamp", "eventId"])).toBe(projectedDecoder("order.created", ["eventId", "timestamp"]));
    expect(() => projectedDecoder("order.created", ["data.item.sku"])).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
  });

  test("[E4] the bytes of another event type are undecodable", () => {
    const bytes = encodeEvent(randomEvent(seededRandom(seed), "order.paid"));
    expect(projectedDecoder("order.created", ["eventId"])(bytes)).toMatchObject({ kind: "undecodable", code: "SCHEMA_WRONG_EVENT_TYPE" });
  });
});

function pathsOf(type: FieldType, prefix = ""): readonly string[] {
  if (type.kind === "nullable") return pathsOf(type.of, prefix);
  if (type.kind === "array") return pathsOf(type.items, prefix);
  if (type.kind !== "record") return [];
  return type.fields.flatMap((field) => [prefix + field.name, ...pathsOf(field.type, `${prefix}${field.name}.`)]);
}

/** The plain way to the same answer. */
function pick(value: unknown, paths: readonly string[]): unknown {
  if (value === null || paths.includes("")) return value;
  if (Array.isArray(value)) return value.map((item) => pick(item, paths));
  const names = new Set(paths.map((path) => path.split(".", 1)[0]!));
  return Object.fromEntries(
    Object.entries(value as object)
      .filter(([name]) => names.has(name))
      .map(([name, of]) => [
        name,
        pick(
          of,
          paths.filter((path) => path === name || path.startsWith(`${name}.`)).map((path) => path.slice(name.length + 1)),
        ),
      ]),
  );
}

test("[E8] the list of event types is the folder of schema files, and no two share topic or id", async () => {
  const { readdirSync } = await import("node:fs");
  const files = readdirSync(`${import.meta.dirname}/events`).map((name) => name.replace(/\.avsc\.json$/, ""));
  expect(files.toSorted()).toEqual([...eventTypes].toSorted());
  expect(new Set(eventRegistry.map(({ topic }) => topic)).size).toBe(eventTypes.length);
  expect(new Set(eventRegistry.map(({ schemaId }) => schemaId)).size).toBe(eventTypes.length);
});
