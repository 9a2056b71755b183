import { describe, expect, test } from "vitest";
import { Breaker } from "./breaker.ts";

const policy = { failures: 3, pause: { attempts: Infinity, baseMs: 1000, maxMs: 4000 } };
const breaker = (): Breaker => new Breaker({ policy, random: () => 0 });

function opened(atMs = 0): Breaker {
  const one = breaker();
  for (let i = 0; i < 3; i++) one.failedAt(atMs, { probe: false });
  return one;
}

describe("breaker", () => {
  test("[D6] it opens behind so many failed calls in a row, and an answer between them begins anew", () => {
    const one = breaker();
    one.failedAt(0, { probe: false });
    one.failedAt(0, { probe: false });
    one.answered();
    one.failedAt(0, { probe: false });
    one.failedAt(0, { probe: false });
    expect(one.allows(0)).toBe("call");
    one.failedAt(0, { probe: false });
    expect([one.allows(0), one.state(0)]).toEqual(["nothing", "open"]);
  });

  test("[D6] when its pause is over one probe may be made, and nothing beside it", () => {
    const one = opened();
    expect(one.allows(999)).toBe("nothing");
    expect([one.allows(1000), one.state(1000)]).toEqual(["probe", "half-open"]);
    one.probe();
    expect([one.allows(5000), one.state(5000)]).toEqual(["nothing", "half-open"]);
  });

  test("[D6] a probe that fails opens it again, for longer each time, up to a bound", () => {
    const one = opened();
    const pauses: number[] = [];
    let now = 1000;
    for (let i = 0; i < 4; i++) {
      one.probe();
      one.failedAt(now, { probe: true });
      pauses.push(one.nextAtMs - now);
      now = one.nextAtMs;
    }
    expect(pauses).toEqual([2000, 4000, 4000, 4000]);
  });

  test("[D6] a probe that succeeds closes it", () => {
    const one = opened();
    one.probe();
    one.answered();
    expect([one.allows(1000), one.state(1000), one.nextAtMs]).toEqual(["call", "closed", 0]);
  });

  test("[D6] calls that were made before it opened do not make its pause longer", () => {
    const one = opened();
    one.failedAt(500, { probe: false });
    expect(one.nextAtMs).toBe(1000);
  });

  test("[D6] a probe that nobody waits for any more is made again", () => {
    const one = opened();
    one.probe();
    one.forgetProbe();
    expect(one.allows(1000)).toBe("probe");
  });
});
