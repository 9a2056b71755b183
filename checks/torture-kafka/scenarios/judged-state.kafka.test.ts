import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { storeIdOf, type StoreDelta, type TaskId } from "@millrace/engine";
import { EmbeddedDatabase } from "#engine/broker/embedded/database.ts";
import { describeKafka, until } from "#engine/broker/kafka/proving/kafka-test.ts";
import { embeddedStateStorage } from "../../../engine/state/embedded/embedded-state-storage.ts";
import { LocalState } from "../../../engine/state/local/local-state.ts";
import type { TaskState } from "../../../engine/state/task-state.ts";
import { type StateDump, storesOf, tasksOf } from "../state-dump.ts";
import { judgeState, type StateParts } from "../state-judge.ts";
import { Scenario } from "./scenario.ts";

// What the judge of the state says where memory or the local file is not what the changelog makes: an alarm that cannot ring proves nothing.
describeKafka("the judge of the state", { timeout: 180_000 }, () => {
  test("[K91] it finds one entry that differs, is missing or is too much, in memory and in the file, and an owner that nobody was", async () => {
    const scenario = await Scenario.open({ keys: 12, valuesPerKey: 20 });
    const worker = await scenario.start("a");
    scenario.producer.start();
    await until(() => scenario.producer.acknowledged.length > 100, 60_000, "records are sent");
    await scenario.finish();
    await worker.stop();
    const { plan, cluster, folder } = scenario;
    const kept = { member: "a", stateFile: worker.stateFile, dumpFile: `${folder}/wrong.json` };
    const brokenBy = async (dump: StateDump): Promise<readonly string[]> => {
      writeFileSync(kept.dumpFile, JSON.stringify(dump));
      const parts: StateParts = { plan, cluster, folder, kept: [kept] };
      return (await judgeState(parts)).broken;
    };
    const right = scenario.dumpOf(worker);
    expect(await brokenBy(right)).toEqual([]);

    const task = Object.keys(right).find((id) => Object.values(right[id]!).some((store) => Object.keys(store).length > 1))!;
    const store = Object.keys(right[task]!).find((id) => Object.keys(right[task]![id]!).length > 1)!;
    const entries = right[task]![store]!;
    const key = Object.keys(entries)[0]!;
    const { [key]: value, ...fewer } = entries;
    const withStore = (wrong: Readonly<Record<string, string>>): StateDump => ({ ...right, [task]: { ...right[task]!, [store]: wrong } });
    const where = `${task} ${store}: the changelog and the memory of a differ in 1 of ${Object.keys(entries).length} keys`;
    expect(await brokenBy(withStore({ ...entries, [key]: `${value}00` }))).toEqual([`${where} (${key}: ${value} ≠ ${value}00)`]);
    expect(await brokenBy(withStore(fewer))).toEqual([`${where} (${key}: ${value} ≠ undefined)`]);
    expect(await brokenBy(withStore({ ...entries, more: "00" }))).toEqual([`${where} (more: undefined ≠ 00)`]);
    const { [task]: _, ...nobodys } = right;
    expect((await brokenBy(nobodys)).join("\n")).toMatch(new RegExp(`^${task}: nobody had commit \\d+, which the changelog ends with`));

    const counts = { task: "groups/0" as TaskId, store: storeIdOf("tagg", "groups") };
    expect(counts.task in right && counts.store in right[counts.task]!).toBe(true);
    spoil(worker.stateFile, scenario, counts.task, (state) => state.keyValue(counts.store).put("4711", { value: 1, timestamp: 1 }));
    expect((await brokenBy(right)).join("\n")).toMatch(
      new RegExp(`^groups/0 ${counts.store}: the changelog and the file of a differ in 1 of \\d+ keys \\(4711: undefined ≠ [0-9a-f]+\\)$`),
    );
  });
});

/** Changes the local file of a worker that has stopped, behind the back of its changelog. */
function spoil(stateFile: string, { plan }: Scenario, task: TaskId, change: (state: TaskState) => void): void {
  const { sub } = tasksOf(plan).find((each) => each.task === task)!;
  const database = new EmbeddedDatabase(stateFile);
  try {
    const local = new LocalState(database);
    const state = embeddedStateStorage(database).open(task, storesOf(sub));
    change(state);
    const { number, meta, next, changelog } = local.read(task)!;
    const written = (at: bigint, changes: readonly StoreDelta[]): void =>
      local.write([{ commit: { task, number: at, meta, changes, next: [], outputs: [] }, next, changelog, atMs: 0 }]);
    written(number + 1n, state.takeChanges());
    // As if that had been part of the last commit.
    written(number, []);
    state.close();
  } finally {
    database.close();
  }
}
