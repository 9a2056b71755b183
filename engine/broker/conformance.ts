import { describe } from "vitest";
import { commitLaws } from "./conformance-commit.ts";
import { crashLaws } from "./conformance-crash.ts";
import { groupLaws } from "./conformance-group.ts";
import type { CrashSteps, Harness } from "./conformance-harness.ts";
import { logLaws } from "./conformance-log.ts";
import { retentionLaws } from "./conformance-retention.ts";

/** Whether anything is left when the log is closed: `nothing` is not asked for what was kept. */
export type Keeping = { readonly keeps: "nothing" } | { readonly keeps: "all"; readonly crashes: CrashSteps };

/**
 * Asks an adapter for every law of the log (L) and of the commit (C) in `docs/semantics.md`; each test opens a log of its own.
 */
export function testBroker(name: string, open: () => Promise<Harness>, keeping: Keeping): void {
  const { keeps } = keeping;
  describe(name, () => {
    logLaws(open, keeps);
    retentionLaws(open, keeps);
    commitLaws(open, keeps);
    groupLaws(open);
    if (keeping.keeps === "all") crashLaws(open, keeping.crashes);
  });
}
