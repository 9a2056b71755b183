import { defineConfig } from "vitest/config";
import { SkippedReporter } from "./checks/skipped-reporter.ts";

export default defineConfig({
  test: {
    include: ["{schemas,engine,processors,topology,gateway,queries,console,cli,bench,checks,infra,bundle}/**/*.test.ts"],
    globalSetup: ["infra/kafka/test-cluster.ts"],
    // Two cores: one file at a time beside its own worker threads and child processes.
    maxWorkers: 2,
    // Tests of real brokers and processes have deadlines; CI's machine may be busy with others' work, so there a test may fail twice.
    testTimeout: process.env["CI"] === undefined ? 30_000 : 60_000,
    retry: process.env["CI"] === undefined ? 0 : 2,
    reporters: ["default", new SkippedReporter()],
  },
});
