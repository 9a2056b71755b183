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
};
export type KafkaBench = (options: KafkaBenchOptions) => Promise<readonly Figure[]>;
