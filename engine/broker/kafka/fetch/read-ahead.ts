import type { PartitionAsk } from "./fetch-request.ts";
import type { PartitionRead } from "./read-partitions.ts";

type Ahead = { readonly offset: bigint; readonly maxBytes: number; readonly read: Promise<PartitionRead | undefined> };

/**
 * What was asked of leaders before anybody wanted it, to be used by the next call if that goes on at the very same offsets. What lies at an offset never
 * changes, so it is right however late it is taken; whoever seeks finds nothing here.
 */
export class ReadAhead {
  #ahead = new Map<string, Ahead>();

  /** Forgets what nobody took and asks for these; what fails is found out when it is asked again. */
  start<A extends PartitionAsk>(groups: Iterable<readonly A[]>, read: (asks: readonly A[]) => Promise<readonly PartitionRead[]>): void {
    this.#ahead = new Map();
    for (const asks of groups) {
      const answers = read(asks).catch(() => undefined);
      for (const [i, ask] of asks.entries()) {
        const { offset, maxBytes } = ask;
        this.#ahead.set(nameOf(ask), { offset, maxBytes, read: answers.then((given) => given?.[i]) });
      }
    }
  }

  /** Once. Undefined when nothing was read ahead from there. */
  async take(ask: PartitionAsk): Promise<PartitionRead | undefined> {
    const found = this.#ahead.get(nameOf(ask));
    this.#ahead.delete(nameOf(ask));
    return found?.offset === ask.offset && found.maxBytes === ask.maxBytes ? found.read : undefined;
  }
}

const nameOf = ({ topic, partition }: PartitionAsk): string => `${topic}[${partition}]`;
