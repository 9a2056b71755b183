import { isAscii, isUtf8 } from "node:buffer";
import type { EventFault } from "../event-codes.ts";
import type { Limits } from "../limits.ts";
import type { Problem } from "../problem.ts";
import { tooLarge } from "./decode-body.ts";
import { faultsOf } from "./event-faults.ts";
import { jsonFaultAt } from "./json-fault.ts";
import { type JsonScan, scanJson } from "./json-scan.ts";
import { elementSpans, memberSpans, type Span } from "./json-spans.ts";

/** Parsed values in the order of the request; `faults` names those that must be refused before anything else looks at them. */
export type SplitBody = {
  readonly kind: "events";
  readonly values: readonly unknown[];
  readonly faults: ReadonlyMap<number, readonly EventFault[]> | undefined;
  readonly sentAt: unknown;
};
export type Split = SplitBody | { readonly kind: "problem"; readonly problem: Problem };

// `{events: [ … ]}` adds two levels; with one more, an event that is a little too deep costs only itself.
const wrapperDepth = 3;
// Somewhat too many keys cost one event; so many that parsing them would stop the process for a while cost the request.
const absurd = 16;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const newline = 0x0a;

/** Reads a decoded body as `json` (one event, an array, `{events, sentAt?}`) or `ndjson` (one event a line; blank lines do not count). */
export function splitBody(body: Buffer, format: "json" | "ndjson", limits: Limits): Split {
  const bytes = body.length >= 3 && body.compare(byteOrderMark, 0, 3, 0, 3) === 0 ? body.subarray(3) : body;
  return format === "ndjson" ? splitLines(bytes, limits) : splitJson(bytes, limits);
}

function splitJson(bytes: Buffer, limits: Limits): Split {
  const text = decodeUtf8(bytes);
  if (text === undefined) return problem("invalid-utf8", "the body holds bytes that are not UTF-8");
  const maxDepth = limits.depth + wrapperDepth;
  const scan = scanJson(bytes, { start: 0, end: bytes.length, maxDepth, maxValues: limits.values });
  if (scan.depth > maxDepth)
    return { kind: "problem", problem: { slug: "too-deep", detail: `objects and arrays may lie ${limits.depth} deep`, more: { limits } } };
  const tooMuch = scan.values > limits.values ? "values" : scan.mostKeys > limits.keysPerObject * absurd ? "keysPerObject" : undefined;
  if (tooMuch !== undefined)
    return { kind: "problem", problem: tooLarge(tooMuch, `at least ${tooMuch === "values" ? scan.values : scan.mostKeys}`, limits) };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    if (text.trim() === "") return problem("empty-batch", "the body is empty");
    const at = jsonFaultAt(text) ?? 0;
    const byteOffset = Buffer.byteLength(text.slice(0, at));
    const what = at >= text.length ? "the JSON ends too early" : "the JSON breaks off";
    return { kind: "problem", problem: { slug: "malformed-json", detail: `${what} at byte ${byteOffset}`, more: { byteOffset } } };
  }
  if (typeof parsed !== "object" || parsed === null) return problem("unexpected-body", "the body is neither an object nor an array");
  const wrapped = !Array.isArray(parsed) && Object.hasOwn(parsed, "events");
  const { events, sentAt } = wrapped ? (parsed as { events: unknown; sentAt?: unknown }) : { events: parsed, sentAt: undefined };
  if (wrapped && !Array.isArray(events)) return problem("unexpected-body", "`events` is not an array");
  const values: readonly unknown[] = Array.isArray(events) ? events : [events];
  if (values.length === 0) return problem("empty-batch", "there is no event in the array");
  if (values.length > limits.events) return { kind: "problem", problem: tooLarge("events", values.length, limits) };
  const suspicious = isSuspicious(scan, limits);
  if (!suspicious && bytes.length <= limits.eventBytes) return { kind: "events", values, faults: undefined, sentAt };
  const spans = Array.isArray(parsed) ? elementSpans(text, 0) : wrapped ? memberSpans(text, "events") : [[0, text.length] as const];
  if (spans === undefined) return problem("unexpected-body", "`events` is given twice");
  return {
    kind: "events",
    values,
    faults: faultsOfSpans(spans, (start, end) => faultsOfText(text.slice(start, end), suspicious, limits)),
    sentAt,
  };
}

function splitLines(bytes: Buffer, limits: Limits): Split {
  const values: unknown[] = [];
  const faults = new Map<number, readonly EventFault[]>();
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(newline, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (isBlank(line)) continue;
    if (values.length === limits.events) return { kind: "problem", problem: tooLarge("events", `more than ${limits.events}`, limits) };
    const parsed = parseLine(line, limits);
    if (parsed.faults.length > 0) faults.set(values.length, parsed.faults);
    values.push(parsed.value);
  }
  if (values.length === 0) return problem("empty-batch", "the body holds no line with an event");
  return { kind: "events", values, faults: faults.size > 0 ? faults : undefined, sentAt: undefined };
}

function parseLine(line: Buffer, limits: Limits): { readonly value: unknown; readonly faults: readonly EventFault[] } {
  if (line.length > limits.eventBytes) return broken("event_too_large", tooManyBytes(line.length, limits));
  const text = decodeUtf8(line);
  if (text === undefined) return broken("invalid_utf8", "the line holds bytes that are not UTF-8");
  const scan = scanJson(line, { start: 0, end: line.length, maxDepth: limits.depth, maxValues: limits.values });
  if (scan.depth > limits.depth) return broken("too_deep", `objects and arrays may lie ${limits.depth} deep`);
  try {
    const value: unknown = JSON.parse(text);
    const suspicious = isSuspicious(scan, limits);
    return { value, faults: suspicious ? faultsOf(text, limits) : noFaults };
  } catch {
    const at = Buffer.byteLength(text.slice(0, jsonFaultAt(text) ?? 0));
    return broken("malformed_json", `the line is not JSON: it breaks off at its byte ${at}`);
  }
}

const broken = (code: EventFault["code"], detail: string): { value: undefined; faults: readonly EventFault[] } => ({
  value: undefined,
  faults: [{ code, detail, pointer: "" }],
});

const problem = (slug: Problem["slug"], detail: string): Split => ({ kind: "problem", problem: { slug, detail } });

const isSuspicious = (scan: JsonScan, limits: Limits): boolean =>
  scan.suspicious !== 0 || scan.longestString > limits.stringBytes || scan.mostKeys > limits.keysPerObject || scan.depth > limits.depth;

// ASCII is the common case and the cheap one: one byte a character, and no second look for well-formedness.
function decodeUtf8(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString("latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return false;
  return true;
}

const tooManyBytes = (bytes: number, limits: Limits): string => `an event has at most ${limits.eventBytes} bytes, this one ${bytes}`;

// What is only large is measured; what the scan suspects is read character by character.
function faultsOfText(text: string, suspicious: boolean, limits: Limits): readonly EventFault[] {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.eventBytes) return [{ code: "event_too_large", detail: tooManyBytes(bytes, limits), pointer: "" }];
  return suspicious ? faultsOf(text, limits) : noFaults;
}

const noFaults: readonly EventFault[] = [];

function faultsOfSpans(
  spans: readonly Span[],
  look: (start: number, end: number) => readonly EventFault[],
): ReadonlyMap<number, readonly EventFault[]> | undefined {
  const faults = new Map<number, readonly EventFault[]>();
  for (const [i, [start, end]] of spans.entries()) {
    const found = look(start, end);
    if (found.length > 0) faults.set(i, found);
  }
  return faults.size > 0 ? faults : undefined;
}
