import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { SkippedReporter } from "./checks/skipped-reporter.ts";

const hangMs = process.env["CI"] === undefined ? 30_000 : 60_000;

export default defineConfig({
  test: {
    include: [
      "{schemas,engine,processors,sinks,topology,gateway,queries,console,handbook,client,cli,bench,checks,infra,bundle,load-tests}/**/*.test.ts",
    ],
    globalSetup: ["infra/kafka/test-cluster.ts"],
    // Processes that tests start again and again read their sources once.
    env: { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(import.meta.dirname, "node_modules/.cache/millrace-tests") },
    // Two cores: one file at a time beside its own worker threads and child processes. With three, Kafka's nodes did not stop in time now and then.
    maxWorkers: 2,
    // Deadlines only keep a test from hanging, and CI's machine may be busy with others' work.
    testTimeout: hangMs,
    hookTimeout: hangMs,
    expect: { poll: { timeout: 10_000 } },
    reporters: ["default", new SkippedReporter()],
  },
});
