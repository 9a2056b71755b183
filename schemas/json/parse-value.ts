import { Buffer } from "node:buffer";
import type { FieldType } from "../field-type.ts";
import { keyText } from "../key-text.ts";
import { type DecimalFault, isCurrency, parseDecimal } from "../money.ts";
import { parseTimestamp } from "../timestamp.ts";
import { parseVersion } from "../version.ts";
import { describeType } from "./describe-type.ts";
import type { ProblemList } from "./problem.ts";

/** Reads a value of parsed JSON as a value of one type, or adds what is wrong with it. Nothing is coerced. */
export type ParseValue = (json: unknown, problems: ProblemList) => unknown;

/** Bytes (UTF-8) that a text may have, where its field says nothing less. */
export const maxStringBytes = 16 * 1024;

type OfKind<K extends FieldType["kind"]> = Extract<FieldType, { kind: K }>;

export function parserOfString(type: OfKind<"string">): ParseValue {
  const expected = describeType(type);
  const check = stringCheck(type);
  const longest = Math.min(type.maxLength ?? maxStringBytes, maxStringBytes);
  const shortest = type.minLength ?? 0;
  return (json, problems) => {
    if (typeof json !== "string") return wrongType(json, expected, problems);
    const length = json.length;
    if (length > longest || length < shortest)
      return problems.wrong("schema_violation", expected, `must be ${expected}; it has ${length} characters`);
    if (!json.isWellFormed()) {
      return problems.wrong("ill_formed_string", "well-formed Unicode", "has half of a surrogate pair, which is no character");
    }
    // A UTF-16 unit has three bytes at the most.
    if (length * 3 > maxStringBytes && Buffer.byteLength(json) > maxStringBytes) {
      return problems.wrong("schema_violation", `at most ${maxStringBytes} bytes`, `must have at most ${maxStringBytes} bytes`);
    }
    return check === undefined ? json : check(json, problems);
  };
}

/** What a text must be beyond its length; answers the text, in NFC where it is a key. */
function stringCheck(type: OfKind<"string">): ((text: string, problems: ProblemList) => string | undefined) | undefined {
  const expected = describeType(type);
  const fail = (problems: ProblemList): undefined => problems.wrong("schema_violation", expected, `must be ${expected}`);
  if (type.format === "key") return (text, problems) => keyText(text) ?? fail(problems);
  if (type.format === "event-id") return (text, problems) => (isEventId(text) ? text : fail(problems));
  if (type.format === "semver") {
    // Nearly every event has the version of the one before.
    let last = "";
    return (text, problems) => {
      if (text !== last && parseVersion(text) === undefined) return fail(problems);
      last = text;
      return text;
    };
  }
  if (type.oneOf !== undefined) {
    const allowed = new Set(type.oneOf);
    return (text, problems) => (allowed.has(text) ? text : fail(problems));
  }
  if (type.pattern !== undefined) {
    const pattern = new RegExp(`^(?:${type.pattern})$`, "u");
    return (text, problems) => (pattern.test(text) ? text : fail(problems));
  }
  return undefined;
}

function isEventId(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > 64) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const letter = code | 32;
    if (!((letter >= 97 && letter <= 122) || (code >= 48 && code <= 58) || code === 45 || code === 46 || code === 95)) return false;
  }
  return true;
}

export function parserOfNumber(type: OfKind<"int" | "long" | "double">): ParseValue {
  const expected = describeType(type);
  const least = Math.max(type.minimum ?? -Infinity, type.kind === "int" ? -2_147_483_648 : -Infinity);
  const most = Math.min(type.maximum ?? Infinity, type.kind === "int" ? 2_147_483_647 : Infinity);
  const whole = type.kind !== "double";
  const nonZero = type.nonZero === true;
  return (json, problems) => {
    if (typeof json !== "number") return wrongType(json, expected, problems);
    if (!Number.isFinite(json) || (whole && Number.isInteger(json) && !Number.isSafeInteger(json))) {
      return problems.wrong("number_out_of_range", expected, `must be ${expected}; the number is beyond what can be read exactly`);
    }
    if (whole && !Number.isInteger(json)) return problems.wrong("schema_violation", expected, `must be ${expected}, not a fraction`);
    if (json < least || json > most || (nonZero && json === 0)) {
      return problems.wrong("schema_violation", expected, `must be ${expected}, not ${json}`);
    }
    return whole ? json + 0 : json;
  };
}

export const parseBoolean: ParseValue = (json, problems) => (typeof json === "boolean" ? json : wrongType(json, "true or false", problems));

const timeText = "an RFC 3339 time with its zone, such as 2026-11-21T09:00:01.250Z";

export const parseTime: ParseValue = (json, problems) => {
  if (typeof json !== "string") return wrongType(json, timeText, problems);
  return parseTimestamp(json) ?? problems.wrong("invalid_time", timeText, `must be ${timeText}`);
};

/** Bytes are base64 in JSON. */
export const parseBytes: ParseValue = (json, problems) => {
  if (typeof json !== "string" || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(json)) {
    return wrongType(json, "bytes in base64", problems);
  }
  return new Uint8Array(Buffer.from(json, "base64"));
};

export function parserOfDecimal(type: OfKind<"decimal">): ParseValue {
  const expected = describeType(type);
  const least = type.minimum === undefined ? -(10n ** BigInt(type.precision)) : BigInt(type.minimum) * 10n ** BigInt(type.scale);
  return (json, problems) => {
    if (typeof json !== "string" && typeof json !== "number") return wrongType(json, expected, problems);
    const text = Object.is(json, -0) ? "-0" : String(json);
    const value = parseDecimal(text, type.scale, type.precision);
    if (typeof value !== "string") {
      return value < least ? problems.wrong("schema_violation", expected, `must be ${expected}, not less`) : value;
    }
    if (typeof json === "number" && !Number.isFinite(json)) {
      return problems.wrong("number_out_of_range", expected, `must be ${expected}; the number is beyond what can be read exactly`);
    }
    return problems.wrong("schema_violation", expected, `must be ${expected}; it ${decimalFaults[value]}`);
  };
}

const decimalFaults: Readonly<Record<DecimalFault, string>> = {
  "not-a-decimal": "is no plain decimal number",
  "negative-zero": "is a zero with a minus",
  "too-many-places": "has too many places",
  "too-many-digits": "has too many digits",
};

const currencyText = "an ISO 4217 code such as EUR";

export const parseCurrency: ParseValue = (json, problems) => {
  if (typeof json !== "string") return wrongType(json, currencyText, problems);
  return isCurrency(json) ? json : problems.wrong("schema_violation", currencyText, `must be ${currencyText}`);
};

/** Adds that a value is of another type than expected; numbers that JSON writes and doubles cannot hold are told apart. */
export function wrongType(json: unknown, expected: string, problems: ProblemList): undefined {
  const given =
    json === null
      ? "null"
      : Array.isArray(json)
        ? "an array"
        : typeof json === "object"
          ? "an object"
          : json === true || json === false
            ? String(json)
            : `a ${typeof json}`;
  return problems.wrong("schema_violation", expected, `must be ${expected}, not ${given}`);
}
