import { type Broker, type CommitResult, type Membership, type RecordBatch, taskId } from "#broker/broker.ts";

/** The group that has it, and the journal that its one task reads. */
export type LetterSeatOf = { readonly group: string; readonly journal: string };

const task = taskId("letters", 0);
/** The same for every desk: on Kafka too, whoever joins under it fences the one before. */
const member = "desk";

/**
 * The one place from which letters of a topology are settled: who takes it fences whoever had it, also in another process, and what that one had under way
 * has come to its end by then. So what the journal holds from that moment on, and what is committed from here, is all there is.
 */
export class LetterSeat {
  private readonly broker: Broker;
  private readonly of: LetterSeatOf;
  private membership: Membership | undefined;
  private generation = -1;
  private number = 0n;
  private gone = false;
  private behind = -1n;

  private constructor(broker: Broker, of: LetterSeatOf) {
    this.broker = broker;
    this.of = of;
  }

  /** @throws {BrokerError} */
  static async take(broker: Broker, of: LetterSeatOf): Promise<LetterSeat> {
    const seat = new LetterSeat(broker, of);
    await seat.join();
    return seat;
  }

  /** Somebody else has it by now, as far as it has been heard. */
  get lost(): boolean {
    return this.gone;
  }

  /** Offset that the journal must be read beyond: what was committed last from this seat, by whomever, lies here or further on. */
  get journalBehind(): bigint {
    return this.behind;
  }

  /** `journalNext`: how far the journal has been read. @throws {BrokerError} */
  async commit(journalNext: bigint, outputs: readonly RecordBatch[]): Promise<CommitResult> {
    const { group, journal } = this.of;
    const next = [{ topic: journal, partition: 0, offset: journalNext }];
    const commit = { task, number: this.number + 1n, next, meta: new Uint8Array(0), changes: [], outputs };
    const result = await this.broker.commit({ group, generation: this.generation, tasks: [commit], watermarks: [] });
    if (result.kind === "committed") {
      this.number += 1n;
      this.behind = journalNext;
    }
    if (result.kind === "fenced") this.gone = true;
    return result;
  }

  async leave(): Promise<void> {
    await this.membership?.leave();
    this.gone = true;
  }

  private async join(): Promise<void> {
    const { group, journal } = this.of;
    const leave = (): void => void (this.gone = true);
    this.membership = await this.broker.join(
      { group, member, tasks: [{ task, inputs: [{ topic: journal, partition: 0 }] }] },
      {
        assigned: async (_, generation) => void (this.generation = generation),
        revoking: async () => leave(),
        lost: async () => leave(),
        ended: leave,
      },
    );
    const [last] = await this.broker.committed(group, [task]);
    this.number = last!.number;
    this.behind = last!.next[0]?.offset ?? -1n;
  }
}
