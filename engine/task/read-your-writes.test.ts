import { describe, expect, test } from "vitest";
import { chainNode } from "#operators/node.ts";
import { mapValue } from "#operators/stateless.ts";
import { testPlan, type TestTopology } from "#testing/test-plan.ts";
import { ReadYourWrites } from "./read-your-writes.ts";

const pass = chainNode("pass", {}, () => [mapValue((value) => value) as never]);
/** A sub-topology that reads topics and writes topics. */
const sub = (id: string, from: readonly string[], to: readonly string[]): TestTopology[string] => ({
  nodes: { [id]: { processor: pass, from: { in: from } } },
  to: Object.fromEntries(to.map((topic) => [topic, { from: `${id}.out`, kind: "repartition" as const }])),
});

/** Positions and ends of inputs, moved by hand; by `sub topic`, one partition each. */
function known(topology: TestTopology): {
  writes: ReadYourWrites;
  committed: Map<string, bigint>;
  ends: Map<string, bigint>;
  readonly shown: (
    target: string,
    token: readonly [topic: string, offset: bigint],
  ) => { readonly is: boolean; readonly cancel: () => void };
} {
  const committed = new Map<string, bigint>();
  const sealed = new Map<string, bigint>();
  const ends = new Map<string, bigint>();
  const writes = new ReadYourWrites(testPlan(topology), {
    committed: (id, topic) => committed.get(`${id} ${topic}`),
    sealed: (id, topic) => sealed.get(`${id} ${topic}`),
    end: (id, topic) => ends.get(`${id} ${topic}`),
  });
  return {
    writes,
    committed,
    ends,
    shown: (target, [topic, offset]) => {
      const waiter = writes.after(target, [{ topic, partition: 0, offset }]);
      const before = writes.waiting;
      return {
        get is() {
          writes.settle();
          return writes.waiting < before || before === 0;
        },
        cancel: () => waiter.cancel(),
      };
    },
  };
}

describe("[R8] what lies at a token is shown", () => {
  test("once its reader has committed past it", () => {
    const { committed, shown } = known({ a: sub("a", ["in"], []) });
    const waiter = shown("a", ["in", 4n]);
    expect(waiter.is).toBe(false);
    committed.set("a in", 4n);
    expect(waiter.is).toBe(false);
    committed.set("a in", 5n);
    expect(waiter.is).toBe(true);
  });

  test("behind a repartition once what that commit left there is committed past, and no later", () => {
    const { committed, ends, shown } = known({ a: sub("a", ["in"], ["ab"]), b: sub("b", ["ab"], []) });
    const waiter = shown("b", ["in", 4n]);
    committed.set("a in", 5n);
    // The end is not known yet.
    expect(waiter.is).toBe(false);
    ends.set("b ab", 7n);
    committed.set("b ab", 6n);
    expect(waiter.is).toBe(false);
    ends.set("b ab", 100n);
    committed.set("b ab", 7n);
    expect(waiter.is).toBe(true);
  });

  test("over every way that leads there: at once, through one repartition, and through two", () => {
    const topology = { a: sub("a", ["in"], ["ab", "ac"]), b: sub("b", ["ab"], ["bc"]), c: sub("c", ["in-too", "ac", "bc"], []) };
    const { committed, ends, shown } = known(topology);
    for (const place of ["b ab", "c ac", "c bc"]) {
      ends.set(place, 0n);
      committed.set(place, 0n);
    }
    const waiter = shown("c", ["in", 0n]);
    committed.set("a in", 1n);
    ends.set("b ab", 1n).set("c ac", 1n);
    expect(waiter.is).toBe(false);
    committed.set("c ac", 1n);
    expect(waiter.is).toBe(false);
    ends.set("c bc", 3n);
    committed.set("b ab", 1n);
    expect(waiter.is).toBe(false);
    committed.set("c bc", 3n);
    expect(waiter.is).toBe(true);
    const direct = shown("c", ["in-too", 2n]);
    committed.set("c in-too", 3n);
    expect(direct.is).toBe(true);
  });

  test("to those it never reaches, at once", () => {
    const { shown } = known({ a: sub("a", ["in"], []), b: sub("b", ["other"], []) });
    expect(shown("b", ["in", 9n]).is).toBe(true);
    expect(shown("a", ["nobody-reads-it", 9n]).is).toBe(true);
  });

  test("never where a task on the way stands still; who asked may leave", () => {
    const { committed, ends, shown, writes } = known({ a: sub("a", ["in"], ["ab"]), b: sub("b", ["ab"], []) });
    const waiter = shown("b", ["in", 0n]);
    committed.set("a in", 1n);
    ends.set("b ab", 1n);
    committed.set("b ab", 0n);
    expect(waiter.is).toBe(false);
    waiter.cancel();
    expect(writes.waiting).toBe(0);
  });
});
