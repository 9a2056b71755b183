import { merge, type Observable, type OperatorFunction } from "rxjs";
import {
  aggregateByKey,
  aggregateByWindow,
  chainNode,
  filterValue,
  keyValueStore,
  step,
  timestamped,
  windowStore,
  type Aggregator,
  type BoundProcessor,
  type KeyValueStore,
  type Timestamped,
  type WindowSpec,
  type WindowStore,
} from "@millrace/engine";
import { flushKey } from "./flush-key.ts";
import { numberCodec } from "./number-codec.ts";

type Step = OperatorFunction<never, unknown>;

const noFlush = (): Step => filterValue((_value, { key }) => key !== flushKey, "flush") as Step;

/** Every record as it is. */
export const pass = (name: string): BoundProcessor => chainNode(name, {}, () => [noFlush()]);

/** The numbers of a key in windows; each update, or each window once when it is closed. */
export function windowed(name: string, spec: WindowSpec, aggregator: Aggregator<number, number>): BoundProcessor {
  return chainNode(name, { windows: windowStore(timestamped(numberCodec)) }, ({ windows }) => [
    aggregateByWindow(windows as WindowStore<Timestamped<number>>, spec, {
      init: aggregator.init,
      add: (aggregate, value, key) => aggregator.add(aggregate, value!, key),
    }) as Step,
    noFlush(),
  ]);
}

/** Counts its own ticks by the wall clock, so that there are commits with nothing but a timer in them. */
export function ticker(name: string, everyMs: number): BoundProcessor {
  return {
    name,
    stores: { ticks: keyValueStore(numberCodec) },
    inputs: ["in"],
    outputs: ["out"],
    build: ({ in: input }, stores) => {
      const ticks = stores["ticks"] as KeyValueStore<number>;
      return {
        out: (input as Observable<number>).pipe(
          step<number, number>((out, context) => {
            const key = `task-${context.partition}`;
            context.schedule({ id: "tick", kind: "wall-clock", intervalMs: everyMs }, (timestamp) => {
              const count = (ticks.get(key) ?? 0) + 1;
              ticks.put(key, count);
              context.emit(out, count, { key, timestamp });
            });
            return () => context.drop("no-tick");
          }),
        ),
      };
    },
  };
}

/** Inner join of two tables: whenever one of them changes, what both have to say of the key; nothing while one of them has no such key. */
export function tableJoin(name: string, joined: (left: number, right: number) => number): BoundProcessor {
  return {
    name,
    stores: { left: keyValueStore(numberCodec), right: keyValueStore(numberCodec) },
    inputs: ["left", "right"],
    outputs: ["out"],
    build: (inputs, stores) => {
      const side = (own: "left" | "right", other: "left" | "right"): Observable<number | null> =>
        (inputs[own] as Observable<number | null>).pipe(
          step<number | null, number | null>((out, context) => {
            const table = stores[own] as KeyValueStore<number>;
            const others = stores[other] as KeyValueStore<number>;
            return (value) => {
              const { key } = context.record;
              if (key === null) return context.drop("null-key");
              if (value === null) table.delete(key);
              else table.put(key, value);
              context.fold();
              const match = others.get(key);
              if (match !== undefined) out.next(value === null ? null : own === "left" ? joined(value, match) : joined(match, value));
            };
          }),
        );
      return { out: merge(side("left", "right"), side("right", "left")) };
    },
  };
}

/** A change of the group that a key's value puts it into. */
export type Regrouped = { readonly kind: "joins" | "leaves" };

/** A table grouped by its own value: a change takes the key out of the group it was in before it puts it into the new one. */
export function regroupByValue(name: string): BoundProcessor {
  return chainNode(name, { values: keyValueStore(numberCodec) }, ({ values }) => [
    step<number | null, Regrouped>((out, context) => {
      const table = values as KeyValueStore<number>;
      return (value) => {
        const { key } = context.record;
        if (key === null) return context.drop("null-key");
        const before = table.get(key);
        if (value === null) table.delete(key);
        else table.put(key, value);
        context.fold();
        if (before !== undefined) context.emit(out, { kind: "leaves" }, { key: String(before) });
        if (value !== null) context.emit(out, { kind: "joins" }, { key: String(value) });
      };
    }) as Step,
  ]);
}

/** How many keys are in each group: an aggregation of a table, with an adder and a subtractor. */
export function countMembers(name: string): BoundProcessor {
  const adder = (members: number): number => members + 1;
  const subtractor = (members: number): number => members - 1;
  return chainNode(name, { groups: keyValueStore(timestamped(numberCodec)) }, ({ groups }) => [
    aggregateByKey(groups as KeyValueStore<Timestamped<number>>, {
      init: () => 0,
      add: (members, { kind }: Regrouped) => (kind === "joins" ? adder(members) : subtractor(members)),
    }) as Step,
  ]);
}
