import type { ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { mutateEvent } from "#gateway/testing/mutate.ts";
import { type EventType, eventTypes } from "#schemas/event-types.ts";
import { exampleOf } from "#schemas/json/example.ts";
import { jsonSchemaOf } from "#schemas/json/json-schema.ts";
import type { Problem } from "#schemas/json/problem.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import { randomJsonEvent } from "#schemas/testing/random-event.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { complaintsOf, newValidator } from "./testing/validators.ts";

const seed = testSeed();

/** What a JSON Schema cannot say; semantics.md lists it under E12. */
function isUnsayable({ pointer, code, detail, didYouMean }: Problem, event: unknown): boolean {
  const value = valueAt(event, pointer);
  if (code === "ill_formed_string") return true;
  if (code === "forbidden_key") return detail.startsWith("has the name");
  if (didYouMean !== undefined && detail.startsWith("unknown field")) return true;
  if (typeof value === "string" && /[^ -~]/.test(value)) return /bytes|characters/.test(detail);
  if (typeof value === "number" && pointer.endsWith("/amount")) return /places|plain decimal|with a minus/.test(detail);
  return false;
}

function valueAt(json: unknown, pointer: string): unknown {
  const names = pointer.split("/").slice(1);
  return names.reduce<unknown>(
    (at, name) => (at as Partial<Record<string, unknown>> | undefined)?.[name.replaceAll("~1", "/").replaceAll("~0", "~")],
    json,
  );
}

describe(`JSON Schemas of events (SEED=${seed})`, () => {
  /** That the schema says so of a JSON; words are only made of what is not so. */
  function expectVerdict(
    validate: ValidateFunction,
    json: unknown,
    { taken, why }: { readonly taken: boolean; readonly why?: unknown },
  ): void {
    if (validate(json) !== taken)
      throw new Error(
        `${taken ? `refused (${complaintsOf(validate)})` : "taken"}, ${JSON.stringify(why)}: ${JSON.stringify(json).slice(0, 2000)}`,
      );
  }
  const compiled = new Map<EventType, ValidateFunction>();
  function validatorOf(eventType: EventType): ValidateFunction {
    if (!compiled.has(eventType)) compiled.set(eventType, newValidator().compile(jsonSchemaOf(eventType)));
    return compiled.get(eventType)!;
  }

  test.each(eventTypes)("[E12] the schema of %s takes what the door takes, and refuses what it refuses", (eventType) => {
    const random = seededRandom(seed);
    const validate = validatorOf(eventType);
    expectVerdict(validate, exampleOf(eventType), { taken: true });
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const valid = random.chance(0.2) ? exampleOf(eventType) : randomJsonEvent(random, eventType);
      expect(parseEvent(valid).kind).toBe("parsed");
      expectVerdict(validate, valid, { taken: true });
      const mutated: unknown = JSON.parse(JSON.stringify(mutateEvent(valid, random)));
      // Another type is another schema's business.
      if ((mutated as { eventType?: unknown } | null)?.eventType !== eventType) continue;
      const parsed = parseEvent(mutated);
      if (parsed.kind === "parsed") expectVerdict(validate, mutated, { taken: true });
      else {
        refused++;
        const sayable = parsed.problems.filter((problem) => !isUnsayable(problem, mutated));
        if (sayable.length > 0) expectVerdict(validate, mutated, { taken: false, why: sayable[0] });
      }
    }
    expect(refused).toBeGreaterThan(80);
  });

  const odd: readonly (readonly [string, Record<string, unknown>])[] = [
    ["the last day of a February", { timestamp: "2028-02-29T23:59:59.999999+14:00" }],
    ["a February without that day", { timestamp: "2026-02-29T00:00:00Z" }],
    ["a leap second", { timestamp: "2026-06-30T23:59:60Z" }],
    ["a space instead of T", { timestamp: "2026-06-30 23:59:00Z" }],
    ["no zone", { timestamp: "2026-06-30T23:59:00" }],
    ["lower case", { timestamp: "2026-06-30t23:59:00z" }],
    ["an id of 64", { eventId: "a".repeat(64) }],
    ["an id of 65", { eventId: "a".repeat(65) }],
    ["a key of 128", { source: "a".repeat(128) }],
    ["a key of 129", { source: "a".repeat(129) }],
    ["a key that runs from right to left", { source: "a\u202eb" }],
    ["a version that never was", { eventVersion: "1.0.7" }],
    ["a version that is none", { eventVersion: "1" }],
    ["no session, by which it is keyed", { metadata: { sessionId: null } }],
    ["no metadata", { metadata: undefined }],
    ["a name that nobody may have", { constructor: 1 }],
    ["an unknown field", { colour: "red" }],
  ];
  test.each(odd)("[E12] %s", (_, change) => {
    const validate = validatorOf("cart.item_added");
    const event: unknown = JSON.parse(JSON.stringify({ ...exampleOf("cart.item_added"), ...change }));
    expect(validate(event), complaintsOf(validate)).toBe(parseEvent(event).kind === "parsed");
  });

  test.each([
    "0",
    "0.0001",
    "99999999999999.9999",
    "100000000000000",
    "-0",
    "-0.00",
    "-0.01",
    "-1",
    "01",
    "1.",
    ".5",
    "1.00000",
    "+1",
    "1e3",
    "",
    0,
    1.5,
    -1,
    1e15,
    2.5555,
  ])("[E12] an amount of %j, where it may be negative and where not", (amount) => {
    for (const eventType of ["cart.item_added", "order.refunded", "payment.refunded", "customer.updated"] as const) {
      const example = exampleOf(eventType) as { data: Record<string, unknown> };
      const field = Object.keys(example.data).find((name) => (example.data[name] as { currency?: unknown } | null)?.currency !== undefined);
      if (field === undefined) continue;
      const event = { ...example, data: { ...example.data, [field]: { amount, currency: "GBP" } } };
      const validate = validatorOf(eventType);
      expect(validate(event), `${eventType} ${complaintsOf(validate)}`).toBe(parseEvent(event).kind === "parsed" || amount === 2.5555);
    }
  });
});
