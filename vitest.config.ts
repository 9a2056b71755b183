import { defineConfig } from "vitest/config";
import { SkippedReporter } from "./checks/skipped-reporter.ts";

export default defineConfig({
  test: {
    include: [
      "{schemas,engine,processors,sinks,topology,gateway,queries,console,handbook,client,cli,bench,checks,infra,bundle,load-tests}/**/*.test.ts",
    ],
    globalSetup: ["infra/kafka/test-cluster.ts"],
    // Two cores: one file at a time beside its own worker threads and child processes.
    maxWorkers: 2,
    // Deadlines only keep a test from hanging, and CI's machine may be busy with others' work.
    testTimeout: process.env["CI"] === undefined ? 30_000 : 60_000,
    expect: { poll: { timeout: 10_000 } },
    reporters: ["default", new SkippedReporter()],
  },
});
