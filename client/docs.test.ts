import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { clientCodes } from "./millrace-error.ts";

test("[N2] every code of the client is told in docs/errors.md with what to do, and no other", () => {
  const page = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8");
  const section = page.split(/^## /m).find((one) => one.startsWith("Client\n"))!;
  expect([...section.matchAll(/^\| `([a-z_]+)` \| .+ \| .+ \|$/gm)].map(([, code]) => code!).toSorted()).toEqual(clientCodes.toSorted());
});
