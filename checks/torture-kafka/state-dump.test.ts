import { expect, test } from "vitest";
import { compareStates, type TaskDump } from "./state-dump.ts";

// What the comparison would say of a state that is wrong: an alarm that cannot ring proves nothing.
const right: TaskDump = { "sum/sums": { a: "01", b: "02", c: "03" }, "min/windows": { "0 a": "05", "1000 a": "06" }, empty: {} };

/** Both ways round. */
function differ(wrong: TaskDump): string[] {
  const lines = compareStates("t/0", ["the changelog", right], ["the file of w1", wrong]);
  expect(compareStates("t/0", ["the file of w1", wrong], ["the changelog", right])).toHaveLength(lines.length);
  return lines;
}

test("[K91] a state is found equal to itself, whatever the order of its keys", () => {
  expect(differ(structuredClone(right))).toEqual([]);
  expect(differ({ ...right, "sum/sums": { c: "03", b: "02", a: "01" } })).toEqual([]);
});

test("[K91] an entry that differs is found", () => {
  expect(differ({ ...right, "sum/sums": { a: "01", b: "ff", c: "03" } })).toEqual([
    "t/0 sum/sums: the changelog and the file of w1 differ in 1 of 3 keys (b: 02 ≠ ff)",
  ]);
  expect(differ({ ...right, "min/windows": { "0 a": "06", "1000 a": "05" } })).toEqual([
    "t/0 min/windows: the changelog and the file of w1 differ in 2 of 2 keys (0 a: 05 ≠ 06; 1000 a: 06 ≠ 05)",
  ]);
});

test("[K91] an entry too few is found, and one too many, and one under another key", () => {
  expect(differ({ ...right, "sum/sums": { a: "01", c: "03" } })).toEqual([
    "t/0 sum/sums: the changelog and the file of w1 differ in 1 of 3 keys (b: 02 ≠ undefined)",
  ]);
  expect(differ({ ...right, empty: { x: "00" } })).toEqual([
    "t/0 empty: the changelog and the file of w1 differ in 1 of 0 keys (x: undefined ≠ 00)",
  ]);
  expect(differ({ ...right, "sum/sums": { a: "01", b2: "02", c: "03" } })).toEqual([
    "t/0 sum/sums: the changelog and the file of w1 differ in 2 of 3 keys (b: 02 ≠ undefined; b2: undefined ≠ 02)",
  ]);
});

test("[K91] a store that is missing is found, and all that differs is said store by store", () => {
  const { "sum/sums": _, ...fewer } = right;
  expect(differ(fewer)).toHaveLength(1);
  expect(differ({ ...fewer, "min/windows": {} })).toHaveLength(2);
  expect(differ({})).toHaveLength(2);
});
