import { expect, test } from "vitest";
import { scanJson, suspicion } from "./json-scan.ts";

const scan = (text: string, maxDepth = 32): ReturnType<typeof scanJson> => {
  const bytes = Buffer.from(text);
  return scanJson(bytes, { start: 0, end: bytes.length, maxDepth, maxValues: 1_000_000 });
};
const suspicious = (text: string): number => scan(text).suspicious;

test("[G3] depth is told before anything is parsed, and the scan ends where the limit is passed", () => {
  expect(scan('{"a":[{"b":1}]}').depth).toBe(3);
  expect(scan("[".repeat(32)).depth).toBe(32);
  expect(scan("[".repeat(5_000_000)).depth).toBe(33);
  expect(scan('["[[[[", "\\"[[["]').depth).toBe(1);
  expect(scan("]]]]}}}}[").depth).toBe(1);
});

test("[G3] values are counted, and the scan ends where there are too many", () => {
  expect(scan('[{"a":1,"b":[2,3]},[],"x,[{"]').values).toBe(8);
  const bytes = Buffer.from("[1,2,3,4,5]");
  expect(scanJson(bytes, { start: 0, end: bytes.length, maxDepth: 9, maxValues: 3 }).values).toBe(4);
});

test("[G3] the longest string and the largest object are told", () => {
  expect(scan('{"a":"12345","b":"é"}')).toMatchObject({ longestString: 5, mostKeys: 2 });
  expect(scan(`{${Array.from({ length: 600 }, (_, i) => `"k${i}":0`).join()}}`).mostKeys).toBe(600);
  expect(scan('[{"a":1,"b":2},{"a":1}]')).toMatchObject({ mostKeys: 2, suspicious: 0 });
});

test("[G4] a key given twice is suspected, also with objects between the two; equal keys of two objects are not", () => {
  expect(suspicious('{"a":1,"b":{"c":[{"d":1}]},"a":2}')).toBe(suspicion.duplicateKey);
  expect(suspicious('{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}')).toBe(0);
  expect(suspicious('{"a/b":1,"a\\/b":2}')).toBe(suspicion.duplicateKey);
  expect(suspicious('{"id":1,"\\u0069d":2}') & suspicion.escape).toBe(suspicion.escape);
});

test("[G4] an object of very many keys is left to the exact look instead of comparing each with each", () => {
  const startedAt = performance.now();
  const text = `{${Array.from({ length: 200_000 }, (_, i) => `"k${i}":0`).join()}}`;
  expect(suspicious(text)).toBe(suspicion.duplicateKey);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});

test("[G4] forbidden keys, surrogates and numbers beyond a double are suspected; their look-alikes are not", () => {
  expect(suspicious('{"__proto__":1}')).toBe(suspicion.forbiddenKey);
  expect(suspicious('{"constructor":{"prototype":1}}')).toBe(suspicion.forbiddenKey);
  expect(suspicious('{"a":"__proto__","b":["constructor"]}')).toBe(0);
  expect(suspicious('{"a":"\\ud800"}')).toBe(suspicion.escape);
  expect(suspicious('{"a":"caf\\u00e9"}')).toBe(0);
  expect(suspicious('{"a":1e400}')).toBe(suspicion.number);
  expect(suspicious('{"a":9007199254740993}')).toBe(suspicion.number);
  expect(suspicious('{"a":-123456.789,"b":true,"c":false,"d":null,"e":"1e9"}')).toBe(0);
});
