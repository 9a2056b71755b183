import type { Observable } from "rxjs";
import { mapValue, type Plan } from "@millrace/engine";

/** The plan with a bug in one node: an error that is no verdict on a record, thrown whenever `hits` says so. */
export function withBug(plan: Plan, node: string, hits: (value: unknown) => boolean): Plan {
  const checked = mapValue((value: unknown) => {
    if (hits(value)) throw new Error(`a bug in ${node} at ${JSON.stringify(value)}`);
    return value;
  });
  return {
    ...plan,
    subTopologies: plan.subTopologies.map((sub) => ({
      ...sub,
      nodes: sub.nodes.map((each) => {
        if (each.id !== node) return each;
        const { processor } = each;
        const build: typeof processor.build = (inputs, stores, context) => {
          const broken = Object.entries(inputs).map(([port, input]) => [port, (input as Observable<unknown>).pipe(checked)] as const);
          return processor.build(Object.fromEntries(broken), stores, context);
        };
        return { ...each, processor: { ...processor, build } };
      }),
    })),
  };
}
