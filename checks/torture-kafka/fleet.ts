import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Address } from "#engine/broker/kafka/wire/cluster.ts";
import { type FaultProxy, startFaultProxy } from "#engine/broker/kafka/proving/fault-proxy.ts";
import { until } from "./until.ts";
import { WorkerChild } from "./worker-child.ts";
import type { WorkerSettings } from "./worker-settings.ts";

export type FleetOptions = {
  readonly folder: string;
  readonly brokers: readonly Address[];
  readonly tasks: number;
  readonly settings: Omit<WorkerSettings, "member" | "stateFile">;
};

/** A place for a worker: its name, its disk, its network. Processes come and go in it. */
export type Slot = {
  readonly member: string;
  readonly disk: string;
  /** Undefined: it talks to the brokers directly. */
  readonly proxy: FaultProxy | undefined;
  child: WorkerChild | undefined;
  /** How many disks it has had. */
  disks: number;
  /** What its last process wrote when it was told to stop. */
  dumpFile: string | undefined;
};

/** The workers of a run. Processes end with this one. */
export class Fleet {
  readonly slots = new Map<string, Slot>();
  /** All processes there were. */
  readonly children: WorkerChild[] = [];
  readonly #options;
  #failure: unknown;
  #dumps = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** @param disk where its state lies, when not in the folder of the run */
  async slot(member: string, { proxied, disk }: { readonly proxied: boolean; readonly disk?: string }): Promise<Slot> {
    const proxy = proxied ? await startFaultProxy({ addresses: this.#options.brokers.length }) : undefined;
    const slot: Slot = { member, disk: disk ?? this.#options.folder, proxy, child: undefined, disks: 1, dumpFile: undefined };
    this.slots.set(member, slot);
    return slot;
  }

  stateFile({ disk, member, disks }: Pick<Slot, "disk" | "member" | "disks">): string {
    return join(disk, `${member}-${disks}.db`);
  }

  dropState(slot: Slot): void {
    for (const end of ["", "-wal", "-shm"]) rmSync(this.stateFile(slot) + end, { force: true });
  }

  start(slot: Slot): WorkerChild {
    const { settings, folder, brokers } = this.#options;
    const child = new WorkerChild(
      { ...settings, member: slot.member, stateFile: this.stateFile(slot) },
      {
        logFile: join(folder, `${slot.member}.log`),
        env: slot.proxy === undefined ? {} : { MILLRACE_KAFKA_VIA: slot.proxy.variable(brokers) },
      },
    );
    slot.child = child;
    this.children.push(child);
    return child;
  }

  /** Another process under the same name, on a disk of its own, beside the one that was there; the latter is nobody's then. */
  replace(slot: Slot): WorkerChild {
    slot.disks += 1;
    return this.start(slot);
  }

  /** Asks for a clean end; settles when it has come. @throws {Error} it did not come, or was not clean */
  async stop(slot: Slot, deadlineMs: number): Promise<void> {
    const child = slot.child!;
    const dumpFile = join(this.#options.folder, `${slot.member}-${++this.#dumps}.json`);
    child.stop(dumpFile);
    await until(`${slot.member} has stopped`, { deadlineMs }, () => !child.running);
    slot.child = undefined;
    if (child.end !== 0) throw new Error(`${slot.member} ended with ${child.end} when it was asked to stop: ${lastWords(child)}`);
    slot.dumpFile = dumpFile;
  }

  get running(): Slot[] {
    return [...this.slots.values()].filter(({ child }) => child?.running === true);
  }

  /** Every task has one owner who says so, and all of them have come up. */
  get whole(): boolean {
    const running = this.running;
    const owned = running.flatMap(({ child }) => child!.tasks);
    return running.every(({ child }) => child!.ready) && owned.length === this.#options.tasks && new Set(owned).size === owned.length;
  }

  /** @throws {Error} a worker ended that nobody had told to, or a task stopped */
  check(): void {
    // oxlint-disable-next-line typescript/only-throw-error: it is thrown as it came
    if (this.#failure !== undefined) throw this.#failure;
    for (const { member, child } of this.slots.values()) {
      if (child !== undefined && !child.running) throw new Error(`${member} ended by itself with ${child.end}: ${lastWords(child)}`);
      const stopped = child?.heard.find(({ say }) => say === "task-stopped" || say === "dead-lettered" || say === "retrying");
      if (stopped !== undefined) throw new Error(`${member}: ${JSON.stringify(stopped)}`);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.children.filter(({ running }) => running).map((child) => child.kill()));
    for (const { proxy } of this.slots.values())
      await proxy?.close().catch((error: unknown) => {
        this.#failure ??= error;
      });
  }
}

export const lastWords = (child: WorkerChild): string => JSON.stringify(child.heard.filter(({ say }) => say !== "committed").slice(-3));
