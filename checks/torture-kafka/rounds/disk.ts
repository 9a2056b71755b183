import { setTimeout as sleep } from "node:timers/promises";
import { heard, type Round } from "./round.ts";

const upMs = 60_000;
const stuckMs = 30_000;

/**
 * The local disk of a worker is full: what Kafka has stays, the worker waits, and goes on once there is room. A new disk is taken, whose files must
 * grow at once; it is filled behind the first commit.
 */
export const fillDisk: Round = async ({ fleet, random, smallDisk }) => {
  const slot = fleet.slots.get(smallDisk.member)!;
  if (slot.child !== undefined) await slot.child.kill();
  fleet.dropState(slot);
  const child = fleet.start(slot);
  await heard(child, "ready", { from: 0, deadlineMs: upMs });
  const from = child.heard.length;
  await heard(child, "committed", { from, deadlineMs: upMs });
  smallDisk.disk.fill(child.pid);
  const begun = performance.now();
  try {
    const { error } = await heard(child, "local-copy-stuck", { from, deadlineMs: stuckMs });
    await sleep(500 + random.next() * 8000);
    return `the disk of ${slot.member} was full (${smallDisk.disk.kind}) for ${((performance.now() - begun) / 1000).toFixed(1)} s: ${error}`;
  } finally {
    smallDisk.disk.free(child.pid);
  }
};
