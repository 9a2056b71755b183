import { dedupe, seenCodec } from "#operators/dedupe.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { mapValue, requireValue } from "#operators/stateless.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import type { Plan } from "#task/plan.ts";
import type { SettleRequest } from "#delivery/letter-request.ts";
import type { TestInput } from "./every-way.ts";
import { testPlan } from "./test-plan.ts";

export type Thing = { readonly id: string; readonly bad?: boolean; readonly poison?: boolean };
/** One for the topic `in`. */
export const at = (time: number, key: string, value: Thing): TestInput => ({ to: "in", key, value, at: time });
export const idOf = ({ value }: { readonly value: unknown }): string => (value as Thing).id;

/** `checked` refuses what is bad, `strict` throws at poison; both read `in`. `picky` reads `checked`, and refuses too. */
export class Shop {
  mended = false;
  readonly plan: Plan;

  constructor(partitions = 2) {
    const bad = ({ bad: isBad }: Thing): boolean => this.mended || isBad !== true;
    const chain = (...steps: readonly unknown[]): BoundProcessor => chainNode("chain", {}, () => steps as never);
    const checked = chainNode("checked", { seen: windowStore(seenCodec) }, ({ seen }) => [
      dedupe<Thing>(seen as WindowStore<number>, { by: ({ id }) => id, withinMs: 1000 }) as never,
      requireValue<Thing>(bad, "bad") as never,
    ]);
    const strict = (thing: Thing): Thing => {
      if (thing.poison === true && !this.mended) throw new RecordError("poisoned", thing.id);
      return thing;
    };
    this.plan = testPlan(
      {
        one: {
          nodes: {
            checked: { processor: checked, from: { in: ["in"] } },
            picky: {
              processor: chain(requireValue<Thing>(({ id }) => this.mended || !id.startsWith("p"), "picky")),
              from: { in: ["checked"] },
            },
            strict: { processor: chain(mapValue(strict)), from: { in: ["in"] } },
          },
          to: {
            checked: { from: "checked.out", kind: "topic" },
            picky: { from: "picky.out", kind: "topic" },
            strict: { from: "strict.out", kind: "topic" },
          },
        },
      },
      partitions,
    );
  }

  request(more: Partial<SettleRequest> = {}): SettleRequest {
    const { partitions } = this.plan.topics[0]!;
    const topics = [{ name: "in.dlq", partitions }];
    return { action: "redrive", topics, dryRun: false, limit: 10_000, by: "me", key: "open", why: null, ...more };
  }
}
