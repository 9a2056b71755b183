import { map, scan } from "rxjs";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineProcessor, keyValueStore, step, type Processor } from "@millrace/engine";
import { recordCodec } from "#schemas/codec/record-codec.ts";
import { recordInput } from "../commerce-port.ts";
import { runProcessor, type Arrival } from "./processor-run.ts";

type Count = { readonly count: number };
const countCodec = recordCodec<Count>({ type: "record", name: "Count", fields: [{ name: "count", type: "long" }] });

function counter(name: string, durable: boolean): Processor {
  return defineProcessor({
    name,
    summary: "Counts the records of each key.",
    config: z.strictObject({}),
    inputs: { in: recordInput({ id: "string" }, { key: "id" }) },
    outputs: { out: { shape: { kind: "record", fields: { count: "int" } } } },
    stores: () => ({ counts: keyValueStore(countCodec) }),
    run: ({ in: input }, { counts }) => ({
      out: durable
        ? input.pipe(
            step<unknown, Count>((out) => () => {
              const count = { count: (counts.get("all")?.count ?? 0) + 1 };
              counts.put("all", count);
              out.next(count);
            }),
          )
        : input.pipe(
            scan((count) => count + 1, 0),
            map((count): Count => ({ count })),
          ),
    }),
  });
}

const arrivals: readonly Arrival[] = ["a", "b", "c"].map((id, i) => ({ port: "in", key: id, at: i, value: { id } }));

test("[F8] a processor that remembers in its store answers the same over restarts and power cuts", () => {
  const { departures } = runProcessor(counter("test/durable", true), {}, arrivals);
  expect(departures.map(({ value }) => (value as Count).count)).toEqual([1, 2, 3]);
});

test("[F8] a processor that remembers in a closure is found out", () => {
  expect(() => runProcessor(counter("test/forgetful", false), {}, arrivals)).toThrow(
    "test/forgetful answers differently with a restart after every record",
  );
});
