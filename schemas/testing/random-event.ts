import { toJson } from "../event-json.ts";
import { keyOf } from "../event-key.ts";
import { fieldTypeOf } from "../event-registry.ts";
import { type EventType, eventTypes } from "../event-types.ts";
import type { Item } from "../events.generated.ts";
import type { FieldType, RecordField } from "../field-type.ts";
import type { Money } from "../money.ts";
import type { ShopEvent } from "../shop-event.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A valid decoded event of a type, or of any: hard values (extremes, nulls, long and foreign texts) come often. An order's total is right. */
export function randomEvent<T extends EventType = EventType>(
  random: SeededRandom,
  eventType: T = random.pick(eventTypes) as T,
): ShopEvent<T> {
  const event = randomValue(fieldTypeOf(eventType), random) as Mutable;
  event["eventVersion"] = "1.0.0";
  settleTotal(event["data"] as Mutable, random);
  if (keyOf(event as ShopEvent) === undefined) (event["metadata"] as Mutable)["sessionId"] = `s-${random.between(0, 1_000_000)}`;
  return event as ShopEvent<T>;
}

/** The same as JSON, as a client would post it. */
export function randomJsonEvent(random: SeededRandom, eventType?: EventType): Readonly<Record<string, unknown>> {
  return toJson(eventType === undefined ? randomEvent(random) : randomEvent(random, eventType));
}

type Mutable = Record<string, unknown>;

/** A valid value of any type. */
export function randomValue(type: FieldType, random: SeededRandom, field?: RecordField): unknown {
  switch (type.kind) {
    case "string":
      return randomString(type, random, field);
    case "int":
      return randomInteger(type, random, 2_147_483_647);
    case "long":
      return randomInteger(type, random, Number.MAX_SAFE_INTEGER);
    case "double":
      return random.pick([0, -1.5, Math.PI, 1e-300, 1.7e308, random.next()]);
    case "boolean":
      return random.chance(0.5);
    case "timestamp":
      return random.pick([Date.UTC(2026, 10, 21), random.between(0, 4e12), -1, 253_402_300_799_999, 951_782_400_000]);
    case "bytes":
      return Uint8Array.from({ length: random.between(0, 40) }, () => random.between(0, 255));
    case "decimal":
      return randomDecimal(random, { digits: type.precision, negative: type.minimum === undefined });
    case "money":
      return {
        amount: randomDecimal(random, { digits: 18, negative: type.minimum === undefined }),
        currency: random.pick(["EUR", "GBP", "USD", "JPY"]),
      };
    case "nullable":
      return random.chance(0.4) ? null : randomValue(type.of, random, field);
    case "array":
      return Array.from({ length: random.between(type.minItems ?? 0, Math.min(type.maxItems ?? 5, 5)) }, () =>
        randomValue(type.items, random),
      );
    case "map": {
      const entries = Array.from(
        { length: random.between(0, 4) },
        () => [randomText(random, 10), randomValue(type.values, random)] as const,
      );
      return Object.assign(Object.create(null), Object.fromEntries(entries)) as unknown;
    }
    case "record":
      return Object.fromEntries(type.fields.map((each) => [each.name, randomValue(each.type, random, each)]));
  }
}

function randomString(type: Extract<FieldType, { kind: "string" }>, random: SeededRandom, field: RecordField | undefined): string {
  if (type.oneOf !== undefined) return random.pick(type.oneOf);
  if (type.format === "event-id") return `e-${random.between(0, 1e9).toString(36)}-${random.between(0, 1e9).toString(36)}`;
  if (type.format === "semver") return `${random.between(0, 9)}.${random.between(0, 99)}.${random.between(0, 9)}`;
  if (type.format === "key")
    return random.pick([`k-${random.between(0, 99_999)}`, `${random.between(10_000, 99_999)}`, "Zoë Müller", "名前-1", "~r1"]);
  if (type.pattern !== undefined && typeof field?.example === "string") return field.example;
  const text = randomText(random, Math.min(type.maxLength ?? 200, 200));
  return text.length < (type.minLength ?? 0) ? "x".repeat(type.minLength ?? 0) : text;
}

const alphabets = ["abcdefghijklmnopqrstuvwxyz ABC0123456789", "äöüßéñÅ ", "日本語テキスト", 'a\u0000\n"\\/\u2028é'];

function randomText(random: SeededRandom, longest: number): string {
  const alphabet = random.pick(alphabets);
  const length = random.chance(0.1) ? longest : random.between(0, Math.min(longest, 60));
  const text = Array.from({ length }, () => alphabet[random.between(0, alphabet.length - 1)]).join("");
  return random.chance(0.1) && length > 2 ? `${text.slice(2)}🛒` : text;
}

function randomInteger(
  type: { readonly minimum?: number; readonly maximum?: number; readonly nonZero?: boolean },
  random: SeededRandom,
  bound: number,
): number {
  const least = type.minimum ?? -bound;
  const most = type.maximum ?? bound;
  const value = random.pick([
    least,
    most,
    random.between(1, 100),
    random.between(Math.max(least, -1e6), Math.min(most, 1e6)),
    63,
    64,
    8191,
    8192,
  ]);
  return Math.min(most, Math.max(least, value === 0 && type.nonZero === true ? 1 : value));
}

function randomDecimal(random: SeededRandom, { digits, negative }: { readonly digits: number; readonly negative: boolean }): bigint {
  const length = random.chance(0.2) ? digits : random.between(1, Math.min(digits, 7));
  const value = BigInt(Array.from({ length }, () => random.between(0, 9)).join(""));
  return negative && random.chance(0.3) ? -value : value;
}

/** Makes the total of an order the sum of its lines, in one currency. */
function settleTotal(data: Mutable, random: SeededRandom): void {
  const { items, total } = data as { items?: readonly Item[] | null; total?: Money };
  if (total === undefined || !Array.isArray(items)) return;
  const lines = (items as readonly Item[]).map((item) => ({
    ...item,
    quantity: random.between(1, 100),
    unitPrice: { amount: item.unitPrice.amount % 10_000_000n, currency: total.currency },
  }));
  const amount = lines.reduce((sum, { quantity, unitPrice }) => sum + BigInt(quantity) * unitPrice.amount, 0n);
  Object.assign(data, { items: lines, total: { amount, currency: total.currency } });
}
