import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textsOf } from "#broker/change-texts.ts";
import type { CrashSteps, Harness } from "#broker/conformance-harness.ts";
import { commitSteps } from "./commit-steps.ts";
import { Deltas } from "./deltas.ts";
import { type EmbeddedBroker, type EmbeddedBrokerOptions, openEmbeddedBroker } from "./embedded-broker.ts";

export type EmbeddedHarness = Harness & { readonly broker: EmbeddedBroker; readonly path: string };

export const embeddedCrashes: CrashSteps = { undoneAt: commitSteps.filter((step) => step !== "durable"), doneAt: ["durable"] };

/** What the conformance suite does to an embedded log, in a folder of its own or in memory. */
export function openHarness(kept: "file" | "memory", options: Partial<EmbeddedBrokerOptions> = {}): EmbeddedHarness {
  const folder = mkdtempSync(join(tmpdir(), "millrace-broker-"));
  const path = kept === "file" ? join(folder, "log.db") : ":memory:";
  let nowMs = 1_700_000_000_000;
  let losing: "begun" | "durable" | undefined;
  const open = (): EmbeddedBroker =>
    openEmbeddedBroker({
      path,
      clock: () => nowMs,
      onCommitStep: ({ name }) => {
        if (name !== losing) return;
        losing = undefined;
        throw new Error("the answer is lost");
      },
      ...options,
    });
  let broker = open();
  const reopened = (): EmbeddedBroker => (broker = open());
  return {
    broker,
    path,
    endsOfOneMoment: true,
    changesOf: async (task) => textsOf(new Deltas(broker.database).read(task)),
    passTime: async (ms) => {
      nowMs += ms;
      while (broker.maintain());
    },
    loseNextAnswer: (outcome) => {
      losing = outcome === "undone" ? "begun" : "durable";
    },
    reopen:
      kept === "memory"
        ? undefined
        : async () => {
            await broker.close();
            return reopened();
          },
    crashAt:
      kept === "memory"
        ? undefined
        : async (step) => {
            await broker.close();
            for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
            await killedAt(path, step);
            return reopened();
          },
    close: async () => {
      await broker.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Runs the crash scenario in a process of its own until it has killed itself. */
async function killedAt(path: string, step: string): Promise<void> {
  const child = spawn(process.execPath, [crashingProcess, path, step], { stdio: ["ignore", "ignore", "inherit"] });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`the process was to be killed at ${step}, but ended with ${signal}`);
}

export const crashingProcess = join(import.meta.dirname, "crashing-process.ts");
