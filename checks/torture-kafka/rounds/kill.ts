import { setTimeout as sleep } from "node:timers/promises";
import { anyMoment, atMoment, heard, proxiedWorker, type Round, textOfMoment } from "./round.ts";

const longestPauseMs = 8000;
const upMs = 60_000;

/** SIGKILL at any moment or at a step of a commit; a replacement comes after a while, with the old disk or with none. */
export const killWorker: Round = async (stage) => {
  const { fleet, random } = stage;
  let slot = random.pick(fleet.running);
  let moment = "at any time";
  if (random.chance(0.3)) await sleep(random.next() * 1000);
  else {
    const proxied = proxiedWorker(stage);
    const at = anyMoment(random);
    await atMoment(proxied, at, () => proxied.child.signal("SIGKILL"));
    slot = proxied;
    moment = textOfMoment(at);
  }
  await slot.child!.kill();
  slot.child = undefined;
  const lost = random.chance(0.4);
  if (lost) fleet.dropState(slot);
  await sleep(random.next() * longestPauseMs);
  fleet.start(slot);
  return `killed ${slot.member} ${moment}, its disk ${lost ? "lost" : "kept"}`;
};

/** SIGKILL in the middle of bringing the state back, and again. */
export const killWhileRestoring: Round = async ({ fleet, random }) => {
  const slot = random.pick(fleet.running);
  await slot.child!.kill();
  fleet.dropState(slot);
  let cutOff = 0;
  for (let i = 0; i < 2; i++) {
    const child = fleet.start(slot);
    const begun = await heard(child, "restoring", { from: 0, deadlineMs: upMs }).catch(() => undefined);
    if (begun === undefined) break;
    await sleep(random.next() * 200);
    await child.kill();
    cutOff += 1;
  }
  fleet.start(slot);
  return `killed ${slot.member}, its disk lost, and ${cutOff} times again while it restored`;
};

/** All workers at once, as when the power fails. */
export const killAllWorkers: Round = async ({ fleet, random }) => {
  const slots = fleet.running;
  await Promise.all(slots.map(({ child }) => child!.kill()));
  for (const slot of slots) slot.child = undefined;
  const lost = random.chance(0.5) ? random.pick(slots) : undefined;
  if (lost !== undefined) fleet.dropState(lost);
  for (const slot of slots) {
    fleet.start(slot);
    await sleep(random.next() * 1000);
  }
  return `killed all ${slots.length} workers at once${lost === undefined ? "" : `, the disk of ${lost.member} lost`}`;
};
