import { describe, expect, test } from "vitest";
import { driverCommitSteps, TopologyDriver, type DriverOptions } from "./driver.ts";
import { jsonCodec } from "./json-codec.ts";
import { outcomeOf, unbalanced, type Outcome, type TestInput } from "./every-way.ts";
import { pickFrom, randomInputs, randomPlan, type Pick } from "./random-plan.ts";
import type { Plan } from "#task/plan.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);
const plans = Number(process.env["PLANS"] ?? 60);
const graceMs = 15;

type Run = { readonly options?: DriverOptions; readonly restart?: () => boolean; readonly together?: boolean };

/** Runs the inputs; `together` puts them on the log in lots of random size. */
function run(plan: Plan, inputs: readonly TestInput[], { options, restart = () => false, pick }: Run & { pick: Pick }): Outcome {
  const driver = new TopologyDriver(plan, options);
  for (let i = 0; i < inputs.length;) {
    const lot = inputs.slice(i, (i += 1 + pick(9)));
    for (const { to, key, value, at } of lot) driver.append(to, { key, value: jsonCodec.encode(value), timestamp: at });
    driver.advance(1);
    if (restart()) driver.restart();
  }
  return outcomeOf(driver, plan);
}

/** What must be the same: outputs in order, stores, counts. Ids of duplicates are forgotten as the watermark moves, which follows the commits. */
function answers({ out, stores, counts }: Outcome): unknown {
  return {
    out: out("out"),
    letters: out("in.dlq").map(({ headers: { "dlq.source": _source, ...headers }, ...letter }) => ({ ...letter, headers })),
    stores: Object.fromEntries(Object.entries(stores).filter(([store]) => !store.endsWith(".seen"))),
    counts,
  };
}

describe("[T7] [T8] [R1] random plans answer the same however they are run", () => {
  for (let i = 0; i < plans; i++) {
    const own = seed + i * 7919;
    const pick = pickFrom(own);
    const { plan, says } = randomPlan(pick, { graceMs });
    const inputs = randomInputs(pick, { count: 40 + pick(60), disorderMs: graceMs });
    test(`seed ${seed}, plan ${i}: ${says}`, () => {
      const expected = run(plan(1), inputs, { pick: () => 1e9, options: { slice: 1_000_000 } });
      expect(unbalanced(expected.counts)).toEqual([]);
      const ways: Readonly<Record<string, Run>> = {
        "slices of 1": { options: { slice: 1 } },
        "slices of 3 and gaps": { options: { slice: 3, gaps: true } },
        "tiny limits": { options: { slice: 5, limits: { tailEntries: 3, tailBytes: 100, cachedEntries: 2 } } },
        restarts: { restart: () => pick(3) === 0 },
        crashes: { options: { slice: 4, crash: (_commit, step) => pick(12) === 0 && step === driverCommitSteps[pick(4)] } },
      };
      for (const [how, way] of Object.entries(ways)) {
        const outcome = run(plan(1), inputs, { ...way, pick });
        expect([...outcome.driver.stopped], how).toEqual([]);
        expect(unbalanced(outcome.counts), how).toEqual([]);
        expect(answers(outcome), how).toEqual(answers(expected));
      }
    });
  }
});

describe("[T7] [M5] random plans add up the same over any number of partitions, with nothing late", () => {
  for (let i = 0; i < plans; i++) {
    const pick = pickFrom(seed + i * 104_729);
    const { plan, says } = randomPlan(pick, { graceMs, anyOrder: true });
    const inputs = randomInputs(pick, { count: 60 + pick(60), disorderMs: graceMs });
    test(`seed ${seed}, plan ${i}: ${says}`, () => {
      const [one, ...others] = [1, 2, 5].map((partitions) => {
        const outcome = run(plan(partitions), inputs, { options: { slice: 1 + pick(10), crash: () => pick(40) === 0 }, pick });
        expect(unbalanced(outcome.counts)).toEqual([]);
        for (const { missed } of Object.values(outcome.counts)) expect(missed["late"] ?? 0).toBe(0);
        return { stores: outcome.stores, counts: outcome.counts };
      });
      for (const other of others) expect(other).toEqual(one);
    });
  }
});
