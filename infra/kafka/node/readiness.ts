import { ClusterError } from "../cluster-error.ts";
import type { NodeEntry } from "./cluster-file.ts";
import { lastWords, type NodeFiles } from "./node-files.ts";
import { hasEnded } from "./node-process.ts";
import { until } from "./until.ts";
import { askNode, type NodeAnswer } from "./wire.ts";

/** A node with its files. */
export type Node = NodeEntry & { readonly files: NodeFiles };

const answerDeadlineMs = 4000;
const startDeadlineMs = 120_000;

/** What a node says, undefined when it does not answer. */
export async function answerOf(node: Node): Promise<NodeAnswer | undefined> {
  return askNode(node.port, answerDeadlineMs).catch(() => undefined);
}

/** Whether a client can go to work with this node: it is one of the living, the quorum has a leader, and coordinators can be found. */
export function isReady(node: Node, answer: NodeAnswer | undefined): boolean {
  return answer !== undefined && answer.brokers.includes(node.id) && answer.coordinated && answer.controller !== undefined;
}

/**
 * Waits until all of these nodes are ready and know each other.
 * @throws {ClusterError} `KAFKA_START_FAILED` when one has ended, with what it said last; `KAFKA_TIMEOUT`
 */
export async function awaitReady(nodes: readonly Node[]): Promise<void> {
  const ids = nodes.map(({ id }) => id);
  const holds = async (): Promise<boolean> => {
    const answers = await Promise.all(nodes.map(answerOf));
    for (const node of nodes) refuseEnded(node);
    return nodes.every((node, i) => isReady(node, answers[i]) && ids.every((id) => answers[i]!.brokers.includes(id)));
  };
  await until(`node ${ids.join(", ")} ready; see ${nodes[0]!.files.log}`, holds, startDeadlineMs);
}

function refuseEnded(node: Node): void {
  if (node.pid !== null && !hasEnded(node.pid, node.files)) return;
  throw new ClusterError("KAFKA_START_FAILED", `node ${node.id} has ended, see ${node.files.log}:\n${lastWords(node.files)}`);
}
