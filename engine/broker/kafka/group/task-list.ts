import { createHash } from "node:crypto";
import { type GroupSpec, splitTaskId, type TaskId } from "#broker/broker.ts";

export type TopicPartitions = ReadonlyMap<string, readonly number[]>;

/** The tasks of a group in one order, whatever order they were given in, so that members of the same topology can speak of them by number. */
export class TaskList {
  readonly tasks: readonly TaskId[];
  /** All topics that the tasks read, sorted. */
  readonly topics: readonly string[];
  /** 32 hexadecimal digits that are the same for the same tasks with the same inputs. */
  readonly hash: string;
  readonly #numbers: ReadonlyMap<TaskId, number>;
  readonly #inputs: ReadonlyMap<TaskId, GroupSpec["tasks"][number]["inputs"]>;

  constructor(tasks: GroupSpec["tasks"]) {
    const inputs = new Map(tasks.map((each) => [each.task, each.inputs.toSorted(byTopicAndPartition)]));
    this.tasks = [...inputs.keys()].toSorted(compareTasks);
    this.topics = [...new Set(tasks.flatMap((each) => each.inputs.map(({ topic }) => topic)))].toSorted();
    this.#inputs = inputs;
    this.#numbers = new Map(this.tasks.map((task, number) => [task, number]));
    const told = this.tasks.map((task) => [task, inputs.get(task)!.map(({ topic, partition }) => [topic, partition])]);
    this.hash = createHash("sha256").update(JSON.stringify(told)).digest("hex").slice(0, 32);
  }

  /** The numbers of these tasks, ascending; those that are not in the list are left out. */
  numbersOf(tasks: Iterable<TaskId>): readonly number[] {
    const numbers = Array.from(tasks, (task) => this.#numbers.get(task));
    return numbers.filter((number) => number !== undefined).toSorted((a, b) => a - b);
  }

  tasksOf(numbers: Iterable<number>): readonly TaskId[] {
    return Array.from(numbers, (number) => this.tasks[number]).filter((task) => task !== undefined);
  }

  /** What these tasks read, each partition once, sorted. */
  inputsOf(numbers: Iterable<number>): TopicPartitions {
    const partitions = new Map<string, Set<number>>();
    for (const task of this.tasksOf(numbers)) {
      for (const { topic, partition } of this.#inputs.get(task)!) {
        const found = partitions.get(topic);
        if (found === undefined) partitions.set(topic, new Set([partition]));
        else found.add(partition);
      }
    }
    const sorted = [...partitions].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([topic, numbersOfTopic]) => [topic, [...numbersOfTopic].toSorted((a, b) => a - b)]));
  }
}

/** By sub-topology, then by partition as a number. */
export function compareTasks(a: TaskId, b: TaskId): number {
  const left = splitTaskId(a);
  const right = splitTaskId(b);
  if (left.subTopology !== right.subTopology) return left.subTopology < right.subTopology ? -1 : 1;
  return left.partition - right.partition;
}

type Input = { readonly topic: string; readonly partition: number };
const byTopicAndPartition = (a: Input, b: Input): number => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1);
