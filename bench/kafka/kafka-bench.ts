import type { Figure } from "../figures.ts";
import type { BenchBroker } from "./bench-broker.ts";
import type { MiniLoop, Peers } from "./contenders.ts";

export type KafkaBenchOptions = {
  readonly jobs: readonly string[];
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
