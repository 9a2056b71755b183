import { BrokerError } from "#broker/broker-error.ts";
import type { GroupSpec, Position, TaskId } from "#broker/broker.ts";
import { committedOffsets } from "../admin/committed-offsets.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { decodeNote, type OffsetNote } from "./offset-note.ts";

/** The last commit of a task as the group's offsets tell it; `number` 0n when there was none. */
export type NotedCheckpoint = OffsetNote & { readonly next: readonly Position[] };

type Turn = { readonly tasks: Set<TaskId>; readonly answer: Promise<ReadonlyMap<TaskId, NotedCheckpoint>> };

/**
 * Reads where the tasks of a group stand, once no transaction with offsets of theirs is open. Questions of one turn of the event loop are asked as one.
 */
export class Checkpoints {
  readonly #client;
  readonly #group;
  readonly #inputs: ReadonlyMap<TaskId, GroupSpec["tasks"][number]["inputs"]>;
  readonly #forMs;
  #next: Turn | undefined;

  /** @param of `forMs` how long it is asked, offsets that are pending are waited for included; 60 s unless told */
  constructor(
    client: KafkaClient,
    { group, tasks, forMs = 60_000 }: Pick<GroupSpec, "group" | "tasks"> & { readonly forMs?: number | undefined },
  ) {
    this.#client = client;
    this.#group = group;
    this.#forMs = forMs;
    this.#inputs = new Map(tasks.map(({ task, inputs }) => [task, inputs]));
  }

  /** @throws {BrokerError} `BROKER_CORRUPT` for offsets that are none of ours @throws {KafkaError} */
  async read(tasks: readonly TaskId[]): Promise<readonly NotedCheckpoint[]> {
    const turn = (this.#next ??= this.#begin());
    for (const task of tasks) turn.tasks.add(task);
    const found = await turn.answer;
    return tasks.map(
      (task) => found.get(task) ?? { task, by: "", number: 0n, changelogNumber: 0n, changelog: "", meta: undefined, next: [] },
    );
  }

  #begin(): Turn {
    const tasks = new Set<TaskId>();
    const answer = new Promise(setImmediate).then(() => {
      this.#next = undefined;
      return this.#ask(tasks);
    });
    return { tasks, answer };
  }

  async #ask(tasks: ReadonlySet<TaskId>): Promise<ReadonlyMap<TaskId, NotedCheckpoint>> {
    // Of a task that this process knows nothing of, only the notes say what it reads.
    const known = [...tasks].every((task) => this.#inputs.has(task));
    const partitions = known ? [...tasks].flatMap((task) => this.#inputs.get(task)!) : undefined;
    const found = new Map<TaskId, NotedCheckpoint>();
    for (const { topic, partition, offset, metadata } of await committedOffsets(this.#client, this.#group, {
      partitions,
      forMs: this.#forMs,
    })) {
      if (offset === undefined) continue;
      const note = decodeNote(metadata);
      if (note === undefined) {
        throw new BrokerError("BROKER_CORRUPT", `the offset that ${this.#group} has committed was not committed by Millrace`, {
          at: `${topic}[${partition}]@${offset}`,
        });
      }
      const before = found.get(note.task);
      // An input that the topology no longer reads keeps the number it had.
      if (before !== undefined && before.number > note.number) continue;
      const next = before?.number === note.number ? before.next : [];
      found.set(note.task, { ...note, next: [...next, { topic, partition, offset }] });
    }
    return found;
  }
}
