import { describe } from "vitest";
import { commitLaws } from "./conformance-commit.ts";
import { crashLaws } from "./conformance-crash.ts";
import { groupLaws } from "./conformance-group.ts";
import type { Harness } from "./conformance-harness.ts";
import { logLaws } from "./conformance-log.ts";
import { retentionLaws } from "./conformance-retention.ts";

/**
 * Asks an adapter for every law of the log (L) and of the commit (C) in `docs/semantics.md`; each test opens a log of its own.
 * `keeps` says whether anything is left when the log is closed: `nothing` is not asked for what was kept.
 */
export function testBroker(name: string, open: () => Promise<Harness>, { keeps }: { readonly keeps: "all" | "nothing" }): void {
  describe(name, () => {
    logLaws(open, keeps);
    retentionLaws(open, keeps);
    commitLaws(open, keeps);
    groupLaws(open);
    if (keeps === "all") crashLaws(open);
  });
}
