import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CommitStep } from "#engine/broker/kafka/kafka-broker.ts";
import { bootstrapText, describeKafka, until } from "#engine/broker/kafka/proving/kafka-test.ts";
import type { WorkerSettings } from "../worker-settings.ts";
import { Scenario } from "./scenario.ts";

const steps: readonly CommitStep[] = ["begun", "produced", "offsets-sent", "ending", "ended", "local"];
const waitMs = 60_000;

describeKafka("a worker that is killed at every step of a commit", { timeout: 240_000 }, () => {
  test("[K98] with its disk kept, and lost in between: all as if nothing had happened", async () => {
    const scenario = await Scenario.open({ keys: 100, recordsPerSecond: 100 });
    scenario.producer.start();
    for (const [i, step] of steps.entries()) {
      // Every other process begins with an empty disk: it is killed as soon as it has brought its state back.
      const stateFile = scenario.stateFile(`killed-${i - (i % 2)}`);
      expect(await killedAt(settingsOf(scenario, stateFile, step)), step).toBe("SIGKILL");
    }
    expect(scenario.producer.acknowledged.length).toBeGreaterThan(0);
    const last = await scenario.start("a", { stateFile: scenario.stateFile(`killed-${steps.length - 2}`) });
    await scenario.finish();
    await until(() => last.worker.openingTasks.length === 0, waitMs, "all tasks are open");
    await last.stop();
    await scenario.judge();
    await scenario.judgeState();
  });
});

function settingsOf({ smoke }: Scenario, stateFile: string, killAt: CommitStep): WorkerSettings {
  return {
    url: `kafka://${bootstrapText()}`,
    member: "a",
    stateFile,
    smoke,
    replication: 1,
    minIsr: 1,
    sessionTimeoutMs: 10_000,
    transactionTimeoutMs: 4000,
    commitMs: 20,
    kill: { at: killAt, commit: 10 },
  };
}

/** The signal that ended it. */
async function killedAt(settings: WorkerSettings): Promise<string | null> {
  const main = join(import.meta.dirname, "..", "worker-process.ts");
  const child = spawn(process.execPath, [main, JSON.stringify(settings)], { stdio: ["pipe", "ignore", "inherit"] });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal;
}
