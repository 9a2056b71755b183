import { defineConfig } from "vitest/config";
import { SkippedReporter } from "./checks/skipped-reporter.ts";

export default defineConfig({
  test: {
    include: ["{schemas,engine,processors,topology,gateway,queries,console,cli,bench,checks,infra}/**/*.test.ts"],
    globalSetup: ["infra/kafka/test-cluster.ts"],
    // Two cores: one file at a time beside its own worker threads and child processes.
    maxWorkers: 2,
    testTimeout: 30_000,
    reporters: ["default", new SkippedReporter()],
  },
});
