import type { Reporter, TestModule } from "vitest/node";

/** Lists what was skipped and why, at the end of a run. */
export class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => {
        const result = test.result();
        return `  ${test.fullName}${result.state === "skipped" && result.note !== undefined ? `: ${result.note}` : ""}`;
      }),
    );
    process.stdout.write(skipped.length === 0 ? "\nNothing was skipped.\n" : `\nSkipped:\n${skipped.join("\n")}\n`);
  }
}
