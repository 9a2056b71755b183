import { joinGroupV9, leaveGroupV5, syncGroupV5 } from "../wire/kafka-library.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { KafkaError } from "#broker/kafka/wire/kafka-error.ts";
import { persist, type Persistence } from "#broker/kafka/wire/persist.ts";

/** As Kafka's own consumers, so that its tools can read the group; `protocol` keeps members with another assignor out. */
const protocolType = "consumer";
const protocol = "millrace";

export type Identity = { readonly generationId: number; readonly memberId: string; readonly groupInstanceId: string };

export type JoinAnswer = {
  readonly generation: number;
  readonly memberId: string;
  /** Those whom this member must tell what they have; undefined when another one does, or when all have been told already. */
  readonly members: readonly { readonly memberId: string; readonly id: string; readonly metadata: Buffer }[] | undefined;
  readonly leads: boolean;
};

/** One member's requests to the coordinator of its group, wherever that is; each is sent until it is answered. */
export class GroupRequests {
  readonly #client;
  readonly #group;
  readonly #instanceId;

  constructor(client: KafkaClient, group: string, instanceId: string) {
    this.#client = client;
    this.#group = group;
    this.#instanceId = instanceId;
  }

  /** Answered when all members have joined, or when the rebalance timeout of those who have not is over. @throws {KafkaError} */
  async join(
    memberId: string,
    metadata: Buffer,
    options: Persistence & { readonly sessionTimeoutMs: number; readonly rebalanceTimeoutMs: number; readonly reason: string },
  ): Promise<JoinAnswer> {
    const { sessionTimeoutMs, rebalanceTimeoutMs, reason } = options;
    const protocols = [{ name: protocol, metadata }];
    const timeouts = [sessionTimeoutMs, rebalanceTimeoutMs] as const;
    const answer = await this.#persist("join", options, (node, doing) =>
      this.#client.ask(
        node,
        joinGroupV9.api,
        [this.#group, ...timeouts, memberId, this.#instanceId, protocolType, protocols, reason.slice(0, 200)],
        doing,
      ),
    );
    const leads = answer.leader === answer.memberId;
    // A leader that was started again within its session is told of all members, and that it has nothing to tell them.
    const members =
      leads && !answer.skipAssignment
        ? answer.members.map((each) => ({
            memberId: each.memberId,
            id: each.groupInstanceId ?? each.memberId,
            metadata: each.metadata ?? Buffer.alloc(0),
          }))
        : undefined;
    return { generation: answer.generationId, memberId: answer.memberId, members, leads };
  }

  /** Answers the assignment of this member, once the leader has told all members theirs. @throws {KafkaError} */
  async sync(identity: Identity, assignments: ReadonlyMap<string, Buffer>, persistence: Persistence): Promise<Buffer> {
    const { generationId, memberId } = identity;
    const told = Array.from(assignments, ([id, assignment]) => ({ memberId: id, assignment }));
    const answer = await this.#persist("sync", persistence, (node, doing) =>
      this.#client.ask(node, syncGroupV5.api, [this.#group, generationId, memberId, this.#instanceId, protocolType, protocol, told], doing),
    );
    return answer.assignment;
  }

  /** Takes the member out of the group; one that was never answered is known by its instance id only. @throws {KafkaError} */
  async leave(memberId: string, reason: string, persistence: Persistence): Promise<void> {
    const member = { memberId, groupInstanceId: this.#instanceId, reason };
    await this.#persist("leave", persistence, (node, doing) => this.#client.ask(node, leaveGroupV5.api, [this.#group, [member]], doing));
  }

  #persist<T>(verb: string, persistence: Persistence, attempt: (node: number, doing: string) => Promise<T>): Promise<T> {
    const doing = `${verb} group ${this.#group} as ${this.#instanceId}`;
    return persist(doing, persistence, async (refresh) => {
      const node = await this.#client.coordinator("group", this.#group, refresh);
      const answer = await attempt(node, doing);
      if (persistence.signal?.aborted === true) throw new KafkaError(`${doing}: closed`, ["CLOSED"]);
      return answer;
    });
  }
}
