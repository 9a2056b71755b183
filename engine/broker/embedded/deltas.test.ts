import { afterEach, beforeEach, expect, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "./database.ts";
import { Deltas } from "./deltas.ts";

let database: EmbeddedDatabase;
let deltas: Deltas;
const [task, other] = [taskId("a", 0), taskId("a", 1)];
const delta = (store: string, text: string) => ({ store, bytes: Buffer.from(text) });
beforeEach(() => {
  database = new EmbeddedDatabase(":memory:");
  deltas = new Deltas(database);
  database.transaction("full", () => {
    deltas.write(task, 10n, [delta("s", "ten")]);
    deltas.write(task, 9n, [delta("t", "nine-t"), delta("s", "nine-s")]);
    deltas.write(task, 2n ** 60n, [delta("s", "late")]);
    deltas.write(other, 1n, [delta("s", "other")]);
  });
});
afterEach(() => database.close());

const textsOf = (after?: bigint): string[] =>
  [...deltas.read(task, after)].map(({ number, store, bytes }) => `${number}/${store}=${Buffer.from(bytes).toString()}`);

test("[C1] a task's deltas come in the order of its commits, and only its own", () => {
  const late = `${2n ** 60n}/s=late`;
  expect(textsOf()).toEqual(["9/s=nine-s", "9/t=nine-t", "10/s=ten", late]);
  expect(textsOf(9n)).toEqual(["10/s=ten", late]);
});

test("[C1] deltas that are folded are dropped up to a commit, and their bytes counted no more", () => {
  expect(deltas.bytesOf(task)).toBe("nine-snine-ttenlate".length);
  database.transaction("normal", () => deltas.dropUpTo(task, 10n));
  expect(textsOf()).toEqual([`${2n ** 60n}/s=late`]);
  expect(deltas.bytesOf(task)).toBe(4);
  expect(deltas.bytesOf(other)).toBe(5);
  expect(deltas.bytesOf(taskId("nobody", 0))).toBe(0);
});
