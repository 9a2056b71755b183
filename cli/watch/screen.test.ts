import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { screenOf } from "./screen.ts";

function shown(isTTY: boolean, text: string, env: Record<string, string> = {}): string {
  let said = "";
  const stdout = { write: (part: string): unknown => (said += part), ...(isTTY ? { isTTY, rows: 10, columns: 80 } : {}) };
  const screen = screenOf({ env, stdout, stderr: stdout, signal: new AbortController().signal });
  screen.begin("shop.yaml changed");
  screen.show("shop.yaml changed", { code: 1, text });
  return said;
}
const twenty = Array.from({ length: 20 }, (_, i) => `mistake ${i}`).join("\n");

test("[ED3] a terminal is cleared for each run, and what has no room is counted", () => {
  const said = shown(true, twenty);
  expect(said.split("\u001b[2J\u001b[3J\u001b[H")).toHaveLength(3);
  const last = stripVTControlCharacters(said.slice(said.lastIndexOf("\u001b[H")))
    .trimEnd()
    .split("\n");
  expect(last.slice(0, 3)).toEqual(["not ok · shop.yaml changed · watching, Ctrl-C ends", "", "mistake 0"]);
  expect(last.at(-1)).toBe("… 15 more lines");
  expect(last.length).toBeLessThan(10);
});

test("[ED3] [ED5] a pipe gets everything, one run behind the other, without colours or control characters", () => {
  const said = shown(false, twenty);
  expect(said).toBe(`not ok · shop.yaml changed · watching, Ctrl-C ends\n${twenty}\n\n`);
  expect(shown(true, "x")).toContain("\u001b[31mnot ok");
  expect(shown(true, "x", { NO_COLOR: "1" })).not.toContain("\u001b[31m");
});
