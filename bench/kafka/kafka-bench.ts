import type { Figure } from "../figures.ts";
import type { BenchBroker } from "./bench-broker.ts";
import type { MiniLoop, Peers } from "./contenders.ts";

/** Exactly once with 100 and 1000 ms between commits; at least once, for engines that have it. */
export const modes = ["eos100", "eos1000", "alo"] as const;
export type Mode = (typeof modes)[number];

export type KafkaBenchOptions = {
  readonly jobs: readonly string[];
  readonly modes: readonly Mode[];
  readonly records: number;
  readonly rounds: number;
  readonly quick: boolean;
  readonly say: (line: string) => void;
  readonly broker: BenchBroker;
  /** Of this run of the command. */
  readonly folder: string;
  readonly peers: Peers | undefined;
  readonly mini: MiniLoop | undefined;
  /** Topics whose inputs were loaded by this command, and where the answers to them lie. */
  readonly inputs: Map<string, string>;
  /** Records a second that the throughput bench has found, by `JOB CONTENDER`. */
  readonly peaks: Map<string, number>;
};
export type KafkaBench = (options: KafkaBenchOptions) => Promise<readonly Figure[]>;
