import { expect, test } from "vitest";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { tryOwnWrites } from "./testing/own-writes.ts";

test("[Q25] an answer behind two repartitions never misses the event of its token, however commits are delayed", async () => {
  const seed = testSeed();
  const { missed, late } = await tryOwnWrites(300, seed);
  expect({ missed, late, seed }).toEqual({ missed: [], late: [], seed });
});

test("[Q31] nor where three workers have the tasks on the way", async () => {
  const seed = testSeed();
  const { missed, late } = await tryOwnWrites(200, seed, 3);
  expect({ missed, late, seed }).toEqual({ missed: [], late: [], seed });
});
