import { expect, test } from "vitest";
import { defaultLimits, type Limits } from "../limits.ts";
import { splitBody, type Split } from "./split-body.ts";

const split = (body: string | Buffer, format: "json" | "ndjson" = "json", limits: Partial<Limits> = {}): Split =>
  splitBody(Buffer.from(body), format, { ...defaultLimits, ...limits });

function codesOf(result: Split): Record<number, string[]> {
  if (result.kind === "problem") throw new Error(result.problem.detail);
  return Object.fromEntries([...(result.faults ?? [])].map(([i, faults]) => [i, faults.map(({ code, pointer }) => `${code} ${pointer}`)]));
}
const slugOf = (result: Split): string | undefined => (result.kind === "problem" ? result.problem.slug : undefined);
const valuesOf = (result: Split): unknown => (result.kind === "problem" ? result.problem : result.values);

test("[G1] one event, an array, a wrapper and lines are the same events", () => {
  expect(valuesOf(split('{"a":1}'))).toEqual([{ a: 1 }]);
  expect(valuesOf(split('[{"a":1},{"a":2}]'))).toEqual([{ a: 1 }, { a: 2 }]);
  expect(split('{"events":[{"a":1}],"sentAt":"now"}')).toMatchObject({ values: [{ a: 1 }], sentAt: "now" });
  expect(valuesOf(split('{"a":1}\n\r\n  \n{"a":2}\r\n', "ndjson"))).toEqual([{ a: 1 }, { a: 2 }]);
});

test("[G1] a byte order mark is stripped, UTF-8 is read, other bytes are refused", () => {
  expect(valuesOf(split('\ufeff{"a":"é€😀"}'))).toEqual([{ a: "é€😀" }]);
  expect(slugOf(split(Buffer.from([0x22, 0xc0, 0xa0, 0x22])))).toBe("invalid-utf8");
  expect(slugOf(split(Buffer.from('{"a":1}', "utf16le")))).toBe("malformed-json");
});

test("[G1] a broken body is told with its byte; a broken line costs only its event", () => {
  expect(split('[{"é":1},]')).toMatchObject({ problem: { slug: "malformed-json", more: { byteOffset: 10 } } });
  expect(codesOf(split('{"a":1}\n{"a":\n{"a":3}', "ndjson"))).toEqual({ 1: ["malformed_json "] });
  expect(codesOf(split(Buffer.concat([Buffer.from('{"a":1}\n"'), Buffer.from([0xc0]), Buffer.from('"\n{}')]), "ndjson"))).toEqual({
    1: ["invalid_utf8 "],
  });
  expect(codesOf(split(`{"a":1}\n${"[".repeat(100_000)}\n{"a":3}`, "ndjson"))).toEqual({ 1: ["too_deep "] });
});

test.each([
  ["", "empty-batch"],
  ["  \n", "empty-batch"],
  ["[]", "empty-batch"],
  ['{"events":[]}', "empty-batch"],
  ['{"events":{}}', "unexpected-body"],
  ["7", "unexpected-body"],
  ['"x"', "unexpected-body"],
  ["null", "unexpected-body"],
  ['{"events":[{"a":1}],"events":[{"a":2}]}', "unexpected-body"],
  ["[".repeat(100_000), "too-deep"],
])("[G1] a body that holds no events is refused: case %#", (body, slug) => expect(slugOf(split(body))).toBe(slug));

test("[G3] limits hold at N and refuse at N + 1: events, depth, keys, string, bytes of one event", () => {
  const limits = { events: 3, depth: 4, keysPerObject: 3, stringBytes: 5, eventBytes: 40 };
  const array = (n: number): string => `[${Array.from({ length: n }, () => "{}").join()}]`;
  const deep = (n: number): string => `${'{"a":'.repeat(n - 1)}{}${"}".repeat(n - 1)}`;
  const keys = (n: number): string => `{${Array.from({ length: n }, (_, i) => `"${i}":0`).join()}}`;
  const text = (n: number): string => `{"a":"${"x".repeat(n)}"}`;
  const sized = (n: number): string => `{"a":${"1".repeat(5)}${" ".repeat(n - 11)}}`;
  for (const n of [2, 3]) expect(valuesOf(split(array(n), "json", limits))).toHaveLength(n);
  expect(slugOf(split(array(4), "json", limits))).toBe("payload-too-large");
  expect(slugOf(split("{}\n".repeat(4), "ndjson", limits))).toBe("payload-too-large");
  for (const [make, limit, code] of [
    [deep, 4, "too_deep /a/a/a/a"],
    [keys, 3, "too_many_keys /3"],
    [text, 5, "string_too_long /a"],
    [sized, 40, "event_too_large "],
  ] as const) {
    for (const n of [limit - 1, limit]) {
      expect(codesOf(split(make(n), "json", limits)), `${code} at ${n}`).toEqual({});
      expect(codesOf(split(`[{},${make(n)}]`, "json", limits)), `${code} at ${n}`).toEqual({});
    }
    expect(codesOf(split(make(limit + 1), "json", limits))).toEqual({ 0: [code] });
    expect(codesOf(split(`[{}, ${make(limit + 1)} ,{}]`, "json", limits))).toEqual({ 1: [code] });
    expect(codesOf(split(`{"sentAt":"x","events":[{}, ${make(limit + 1)} ,{}]}`, "json", limits))).toEqual({ 1: [code] });
    expect(codesOf(split(`{}\n${make(limit + 1)}\n{}`, "ndjson", limits))).toEqual({ 1: [code.replace(/(too_deep) .*/, "$1 ")] });
  }
});

test("[G3] values of a body hold at N and refuse at N + 1; absurdly many keys cost the request", () => {
  const array = (values: number): string => `[[${Array.from({ length: values - 1 }, () => 0).join()}]]`;
  expect(slugOf(split(array(9), "json", { values: 10 }))).toBeUndefined();
  expect(slugOf(split(array(10), "json", { values: 10 }))).toBeUndefined();
  expect(split(array(11), "json", { values: 10 })).toMatchObject({
    problem: { slug: "payload-too-large", more: { scope: "values", limit: 10 } },
  });
  const keys = (n: number): string => `{${Array.from({ length: n }, (_, i) => `"${i}":0`).join()}}`;
  expect(codesOf(split(keys(32), "json", { keysPerObject: 2 }))).toEqual({ 0: ["too_many_keys /2"] });
  expect(split(keys(33), "json", { keysPerObject: 2 })).toMatchObject({ problem: { more: { scope: "keysPerObject" } } });
});

test("[G4] what JSON.parse would let pass is refused in its own event, with its place", () => {
  const bad = [
    '{"__proto__":{"admin":true}}',
    '{"x":{"constructor":{"prototype":1}}}',
    '{"eventId":"a","b":1,"eventId":"b"}',
    '{"data":{"id":"\\ud800"}}',
    '{"data":[1,1e400]}',
    '{"data":[9007199254740993]}',
    '{"\\u005f_proto__":1}',
    '{"id":1,"\\u0069d":2}',
    '{"a~/b":[{"c":-1e999}]}',
  ];
  expect(codesOf(split(`{"events":[${bad.join()}, {"good":"caf\\u00e9","n":12345678901234.5678}]}`))).toEqual({
    0: ["forbidden_key /__proto__"],
    1: ["forbidden_key /x/constructor", "forbidden_key /x/constructor/prototype"],
    2: ["duplicate_key /eventId"],
    3: ["ill_formed_string /data/id"],
    4: ["number_out_of_range /data/1"],
    5: ["number_out_of_range /data/0"],
    6: ["forbidden_key /__proto__"],
    7: ["duplicate_key /id"],
    8: ["number_out_of_range /a~0~1b/0/c"],
  });
});

test("[G4] faults of one event are told up to twenty", () => {
  const result = split(`{"data":[${Array.from({ length: 1000 }, () => "1e999").join()}]}`);
  expect(codesOf(result)[0]).toHaveLength(20);
});
