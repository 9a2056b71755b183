import { afterEach, beforeEach, describe } from "vitest";
import { commitLaws } from "./conformance-commits.ts";
import { foldingLaws } from "./conformance-folding.ts";
import { storeLaws } from "./conformance-stores.ts";
import { type RandomWork, testRandomState } from "./random-state.ts";
import { StateBench } from "./state-bench.ts";
import { type StateHarness, tightLimits } from "./state-harness.ts";

/** The laws of state (docs: S1–S16), asked of every storage. */
export function testStateStorage(name: string, harness: StateHarness, random?: RandomWork): void {
  describe(`state: ${name}`, () => {
    const bench = new StateBench(harness);
    // A ground may be a process, or a member of a group, that starts and ends.
    beforeEach(() => bench.use(tightLimits), 30_000);
    afterEach(() => bench.ground.close(), 30_000);
    storeLaws(bench);
    commitLaws(bench);
    foldingLaws(bench);
    testRandomState(harness, random);
  });
}
