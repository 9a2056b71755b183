import { decodeConsumerProtocolAssignment, decodeConsumerProtocolSubscription } from "@platformatic/kafka";
import { describe, expect, test } from "vitest";
import { type GroupSpec, taskId } from "#broker/broker.ts";
import { seededRandom } from "#broker/conformance-harness.ts";
import { type Assignment, decodeAssignment, encodeAssignment } from "./assignment.ts";
import { decodeMetadata, encodeMetadata, type MemberMetadata } from "./member-metadata.ts";
import { TaskList } from "./task-list.ts";

const tasks: GroupSpec["tasks"] = [0, 1, 10, 9].map((partition) => ({
  task: taskId("join", partition),
  inputs: ["orders", "payments"].map((topic) => ({ topic, partition })),
}));
const list = new TaskList(tasks);

const metadata: MemberMetadata = {
  topology: list.hash,
  attempt: 2n ** 63n + 1n,
  generation: 41,
  endpoint: "worker-1.local:8080",
  owned: [0, 2],
  held: new Map([[0, 0], [3, 1234.5]]), // prettier-ignore
};
const assignment: Assignment = {
  status: "incomplete",
  topology: list.hash,
  attempt: 7n,
  accepted: true,
  tasks: [1, 3],
  members: [
    { id: "a", endpoint: "" },
    { id: "b", endpoint: "[::1]:80" },
  ],
  owners: [1, 0, -1, 0],
  since: [3, 300, 0, 7],
};

describe("words of the group protocol", () => {
  test("[K35] a task list has the same numbers and hash in whatever order it was given; another input is another hash", () => {
    expect(list.tasks).toEqual(["join/0", "join/1", "join/9", "join/10"]);
    const shuffled = new TaskList(tasks.toReversed().map(({ task, inputs }) => ({ task, inputs: inputs.toReversed() })));
    expect(shuffled.hash).toBe(list.hash);
    const other = new TaskList(tasks.map(({ task, inputs }) => ({ task, inputs: inputs.slice(0, 1) })));
    expect(other.hash).not.toBe(list.hash);
    expect(list.numbersOf([taskId("join", 10), taskId("join", 0), taskId("gone", 0)])).toEqual([0, 3]);
  });

  test("[K37] what a member says is read back, and Kafka's own tools read topics and owned partitions in it", () => {
    const bytes = encodeMetadata(metadata, list);
    expect(decodeMetadata(bytes)).toEqual(metadata);
    const { topics, ownedPartitions } = decodeConsumerProtocolSubscription(bytes);
    expect(topics).toEqual(["orders", "payments"]);
    expect(ownedPartitions).toEqual(["orders", "payments"].map((topic) => ({ topic, partitions: [0, 9] })));
  });

  test("[K37] what a leader says is read back, and Kafka's own tools read the partitions in it", () => {
    const bytes = encodeAssignment(assignment, list.inputsOf(assignment.tasks));
    expect(decodeAssignment(bytes)).toEqual(assignment);
    expect(decodeConsumerProtocolAssignment(bytes).assignedPartitions).toEqual(
      ["orders", "payments"].map((topic) => ({ topic, partitions: [1, 10] })),
    );
  });

  test("[K35] bytes of others, cut ones and damaged ones are never taken for ours, and never throw", () => {
    const random = seededRandom("damaged");
    expect(decodeMetadata(Buffer.alloc(0))).toBeUndefined();
    expect(decodeAssignment(Buffer.alloc(0))).toBeUndefined();
    const whole = encodeMetadata(metadata, list);
    for (let length = 0; length < whole.length; length++) {
      const cut = decodeMetadata(whole.subarray(0, length));
      if (cut !== undefined) expect(cut).toEqual(metadata);
    }
    for (let round = 0; round < 2000; round++) {
      for (const bytes of [Buffer.from(whole), encodeAssignment(assignment, new Map())]) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
        decodeMetadata(bytes);
        decodeAssignment(bytes);
      }
    }
  });
});
