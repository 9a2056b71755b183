import { expect, test } from "vitest";
import { jsonFaultAt } from "./json-fault.ts";

test.each([
  ['{"a":1,}', 7],
  ["[1,2", 4],
  ["abc", 0],
  ['{"a":NaN}', 5],
  ['{"a":Infinity}', 5],
  ["", 0],
  ['{"a":1} x', 8],
  ['{"a":01}', 6],
  ['{"a":1.}', 6],
  ["[1 2]", 3],
  ['"a\\x"', 2],
  ['"\\u12g4"', 1],
  ['"tab\there"', 4],
  ["{'a':1}", 1],
  ['{"a" 1}', 5],
  ["[1,]", 3],
  ["]", 0],
  ["nul", 3],
  ['"open', 5],
  ['["a\\', 3],
])("[G1] %j breaks off at %i", (text, at) => {
  expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  expect(jsonFaultAt(text)).toBe(at);
});

test("[G1] what JSON.parse takes has no fault, and what it refuses has one: a thousand mutations", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e9);
  let state = seed;
  const roll = (below: number): number => ((state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) >> 8) % below;
  const good = '{"a":[1,-2.5e+3,true,false,null,"x\\n\\u00e9"],"b":{"c":{}, "d":[]} , "e":""}';
  for (let round = 0; round < 1000; round++) {
    let text = good;
    for (let n = roll(3); n >= 0; n--) {
      const at = roll(text.length);
      text = text.slice(0, at) + ["", '"', "\\", "{", "]", ",", ":", "0", "e", "-", " ", "u"][roll(12)]! + text.slice(at + roll(2));
    }
    let parses = true;
    try {
      JSON.parse(text);
    } catch {
      parses = false;
    }
    expect(jsonFaultAt(text) === undefined, `SEED=${seed} ${JSON.stringify(text)}`).toBe(parses);
  }
});

test("[G1] a string of megabytes is no trouble", () => {
  expect(jsonFaultAt(`["${"a".repeat(5_000_000)}"`)).toBe(5_000_003);
});
