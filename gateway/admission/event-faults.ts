import type { EventFault } from "../event-codes.ts";
import type { Limits } from "../limits.ts";
import { forbiddenKeys } from "./json-scan.ts";

/** How many faults of one event are told; an event made to hurt has thousands. */
const toldFaults = 20;

/**
 * Every value of an event that JSON lets pass and the log must not hold, with its place: keys that poison prototypes, keys given twice,
 * lone surrogates, numbers that a double cannot hold, and what is too deep, too long or too many.
 * Reads the text, because a parsed value has forgotten duplicates and digits. `text` must be well-formed JSON of a bounded depth.
 */
export function faultsOf(text: string, limits: Limits): readonly EventFault[] {
  const faults: EventFault[] = [];
  const open: { keys: Set<string> | undefined; index: number; key: string }[] = [];
  const pointer = (): string => open.map((level) => `/${level.keys ? escapePointer(level.key) : level.index}`).join("");
  const add = (code: EventFault["code"], detail: string): void => {
    if (faults.length < toldFaults) faults.push({ code, detail, pointer: pointer() });
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    const level = open[open.length - 1];
    if (character === '"') {
      const end = closingQuote(text, at);
      const raw = text.slice(at + 1, end);
      const value = raw.includes("\\") ? (JSON.parse(text.slice(at, end + 1)) as string) : raw;
      const isKey = level?.keys !== undefined && isFollowedByColon(text, end + 1);
      at = end;
      if (isKey) {
        const { keys } = level as { keys: Set<string> };
        level.key = value.length > 64 || !value.isWellFormed() ? `${value.slice(0, 32).toWellFormed()}…` : value;
        if ((forbiddenKeys as readonly string[]).includes(value))
          add("forbidden_key", `the key ${JSON.stringify(value)} is not allowed in an event`);
        if (keys.has(value)) add("duplicate_key", "this key is given twice in one object");
        keys.add(value);
        if (keys.size === limits.keysPerObject + 1) add("too_many_keys", `an object has at most ${limits.keysPerObject} keys`);
      }
      if (!value.isWellFormed()) add("ill_formed_string", "the text holds half of a surrogate pair");
      if (Buffer.byteLength(raw) > limits.stringBytes) {
        add("string_too_long", `a string has at most ${limits.stringBytes} bytes, this one ${Buffer.byteLength(raw)}`);
      }
    } else if (character === "{" || character === "[") {
      if (open.length === limits.depth) add("too_deep", `objects and arrays may lie ${limits.depth} deep`);
      open.push({ keys: character === "{" ? new Set() : undefined, index: 0, key: "" });
    } else if (character === "}" || character === "]") open.pop();
    else if (character === ",") {
      if (level) level.index += 1;
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      const end = endOfNumber(text, at);
      const value = Number(text.slice(at, end));
      at = end - 1;
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        add(
          "number_out_of_range",
          "a number must be exact: send whole numbers beyond ±9007199254740991 as strings where the schema allows it",
        );
      }
    }
  }
  return faults;
}

const escapePointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

function closingQuote(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (" \n\r\t".includes(text[at] ?? "x")) at += 1;
  return text[at] === ":";
}

function endOfNumber(text: string, from: number): number {
  let at = from;
  while ("+-.eE0123456789".includes(text[at] ?? "x")) at += 1;
  return at;
}
