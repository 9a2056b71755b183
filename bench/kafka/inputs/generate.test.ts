import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { generators, type InputName } from "./generate.ts";

/** SHA-256 of what the peers' generator (Java) writes for 1000 records and seed 42, less `topic`. */
const written: Readonly<Record<InputName, string>> = {
  stateless: "6f1fcd636af2320ae74acc604347282577703789fa4347d209513fcd96f1ce22",
  count: "7bb22e1010bce61fa92f8bb77d4b4c9b7c49f11d2121d470c245fdf8029ad056",
  fraud: "1313f129bcb845751f0b078039eec7bda6900b40a1de721d3608a142ce2211f5",
  restore: "3a1439a5a962e3001390ec97bea5b3216693fbaf5006ad65731acd9214df0f81",
};

test.each(Object.entries(written))("[KB1] the input of %s is that of the peers, byte by byte", (name, sum) => {
  const hash = createHash("sha256");
  for (const { partition, key, timestamp, value } of generators[name as InputName](1000)) {
    hash.update(`{"partition":${partition},"key":"${key}","timestamp":${timestamp},"value":${value}}\n`);
  }
  expect(hash.digest("hex")).toBe(sum);
});
