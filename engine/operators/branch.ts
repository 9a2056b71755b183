import { Observable, type Subscriber } from "rxjs";
import type { CurrentRecord } from "./context.ts";
import type { BoundProcessor } from "./node.ts";
import { step } from "./step.ts";

export type Branch<T> = { readonly name: string; readonly when: (value: T, record: Readonly<CurrentRecord>) => boolean };

/** Sends each record to the first branch that wants it; without one it is dropped and counted (`no-branch`). A last branch of `() => true` is the default. */
export function branchNode<T>(name: string, branches: readonly Branch<T>[]): BoundProcessor {
  return {
    name,
    stores: {},
    inputs: ["in"],
    outputs: branches.map((branch) => branch.name),
    build: ({ in: input }, _stores, context) => {
      const taken: (Subscriber<unknown> | undefined)[] = branches.map(() => undefined);
      let subscribed = 0;
      const choose = (input as Observable<T>).pipe(
        step<T, never>(() => (value) => {
          const chosen = branches.findIndex((branch) => branch.when(value, context.record));
          if (chosen < 0) context.drop("no-branch");
          else taken[chosen]?.next(value);
        }),
      );
      return Object.fromEntries(
        branches.map((branch, i) => [
          branch.name,
          new Observable<unknown>((out) => {
            taken[i] = out;
            subscribed += 1;
            // The input is entered once all outputs are connected.
            if (subscribed === branches.length) choose.subscribe({ error: (error: unknown) => out.error(error) });
          }),
        ]),
      );
    },
  };
}
