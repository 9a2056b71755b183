import { setTimeout as sleep } from "node:timers/promises";
import type { Round } from "./round.ts";

const stopMs = 60_000;
const fewest = 2;
const most = 4;

/** One worker more. */
export const addWorker: Round = async ({ fleet }) => {
  if (fleet.running.length >= most) return "there are enough workers";
  const idle = [...fleet.slots.values()].find(({ child }) => child === undefined);
  const slot = idle ?? (await fleet.slot(`w${fleet.slots.size + 1}`, { proxied: fleet.slots.size % 2 === 0 }));
  fleet.start(slot);
  return `${slot.member} was added, its disk ${idle === undefined ? "new" : "as it was left"}`;
};

/** One worker less: it commits and leaves. */
export const removeWorker: Round = async ({ fleet, random }) => {
  if (fleet.running.length <= fewest) return "there are few enough workers";
  // Faults need one that talks through our network.
  const proxied = fleet.running.filter(({ proxy }) => proxy !== undefined);
  const slot = random.pick(fleet.running.filter((each) => proxied.length > 1 || each !== proxied[0]));
  await fleet.stop(slot, stopMs);
  return `${slot.member} was stopped and does not come back`;
};

/** Stopped cleanly and started again on its disk. */
export const restartWorker: Round = async ({ fleet, random }) => {
  const slot = random.pick(fleet.running);
  await fleet.stop(slot, stopMs);
  await sleep(random.next() * 3000);
  fleet.start(slot);
  return `${slot.member} was stopped and started again`;
};
