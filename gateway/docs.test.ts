import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { problemCodes } from "#schemas/json/problem.ts";
import { rejectionCodes, retryCodes, warningCodes } from "./event-codes.ts";
import { problems, problemSlugs } from "./problem.ts";

const page = readFileSync(join(import.meta.dirname, "..", "docs", "errors.md"), "utf8");
const text = page.split(/^## /m).find((section) => section.startsWith("Gateway\n"))!;
const codesOfRows = [...text.matchAll(/^\| `([a-z0-9_-]+)` \|/gm)].map(([, code]) => code!);

test("[G21] every problem and every code of an event is documented with what to do", () => {
  for (const code of [...problemSlugs, ...rejectionCodes, ...retryCodes, ...warningCodes]) expect(codesOfRows, code).toContain(code);
  for (const slug of problemSlugs) expect(text, slug).toContain(`| \`${slug}\` | ${problems[slug].status}: ${problems[slug].title}. `);
});

test("[G21] nothing is documented that the gateway does not say", () => {
  const known: readonly string[] = [...problemSlugs, ...rejectionCodes, ...retryCodes, ...warningCodes];
  expect(codesOfRows.toSorted()).toEqual(known.toSorted());
});

test("[G6] every code that a schema can give is one of the gateway's", () => {
  for (const code of problemCodes) expect(rejectionCodes).toContain(code);
});
