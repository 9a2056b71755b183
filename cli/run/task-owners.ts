import type { MessagePort } from "node:worker_threads";
import { type Owner, taskId, type TaskId } from "@millrace/engine";
import { AskConnection } from "#queries/ask-port.ts";
import { type OwnerNews, remoteOwner } from "#queries/cluster/share-http.ts";
import type { ShareAnswer, ShareOwner, ShareRequest } from "#queries/cluster/share.ts";
import type { OwnersTold } from "./worker-messages.ts";

export type TaskOwnersSetup = {
  readonly group: string;
  /** Where this process answers the others. */
  readonly endpoint: string;
  readonly news: OwnerNews;
};

/** Who has which task, as the latest rebalance told any worker of this process, and how each is asked. */
export class TaskOwners {
  readonly #setup: TaskOwnersSetup;
  readonly #local = new Map<string, ShareOwner>();
  readonly #remote = new Map<string, ShareOwner>();
  #told: ReadonlyMap<TaskId, Owner> = new Map();
  #generation = -1;

  constructor(setup: TaskOwnersSetup) {
    this.#setup = setup;
  }

  /** A worker's thread of this process. */
  addLocal(member: string, port: MessagePort): void {
    const gone: ShareAnswer = { kind: "unavailable", code: "QUERY_OWNER_UNREACHABLE", detail: `${member} has ended` };
    const connection = new AskConnection<ShareRequest, ShareAnswer>(port, gone);
    this.#local.set(member, { name: member, ask: (request, signal) => connection.ask(request, signal) });
  }

  local(member: string): ShareOwner | undefined {
    return this.#local.get(member);
  }

  /** Several workers tell the same rebalance; one that hears late must not undo what another has told since. */
  take({ generation, owners }: OwnersTold): void {
    if (generation < this.#generation) return;
    this.#generation = generation;
    this.#told = new Map(owners);
    const members = new Set(owners.map(([, owner]) => keyOf(owner)));
    for (const key of this.#remote.keys()) if (!members.has(key)) this.#remote.delete(key);
  }

  ownerOf(subTopology: string, partition: number): ShareOwner | undefined {
    const owner = this.#told.get(taskId(subTopology, partition));
    if (owner === undefined) return undefined;
    const local = this.#local.get(owner.member);
    if (local !== undefined) return local;
    const { endpoint } = owner;
    // A worker that this process had before it was started again: it is counted out when its session ends.
    if (endpoint === "" || endpoint === this.#setup.endpoint) return undefined;
    let remote = this.#remote.get(keyOf(owner));
    if (remote === undefined) this.#remote.set(keyOf(owner), (remote = remoteOwner(owner, this.#setup)));
    return remote;
  }
}

const keyOf = ({ member, endpoint }: Owner): string => `${member} ${endpoint}`;
