import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync, closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedDatabase } from "./database.ts";
import { openEmbeddedBroker } from "./embedded-broker.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-database-"));
  path = join(folder, "log.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

const numbersIn = (database: EmbeddedDatabase): unknown[] =>
  database.connection
    .prepare("SELECT n FROM numbers ORDER BY n")
    .all()
    .map((row) => row["n"]);
const insert = (database: EmbeddedDatabase, n: number): void => void database.connection.prepare("INSERT INTO numbers VALUES (?)").run(n);

test("[L16] a transaction that throws leaves nothing and throws what was thrown; none is nested", () => {
  const database = new EmbeddedDatabase(":memory:");
  database.migrate("numbers", ["CREATE TABLE numbers(n INTEGER)"]);
  const bug = new Error("a bug");
  const failing = (): void =>
    database.transaction("full", () => {
      insert(database, 1);
      throw bug;
    });
  expect(failing).toThrow(bug);
  expect(() => database.transaction("full", () => database.transaction("normal", () => undefined))).toThrow("under way");
  database.transaction("normal", () => insert(database, 2));
  expect(numbersIn(database)).toEqual([2]);
  database.close();
  expect(() => database.transaction("full", () => undefined)).toThrow(expect.objectContaining({ code: "BROKER_CLOSED" }));
});

test("[L16] a part's tables are brought up to date step by step, each step once", () => {
  let database = new EmbeddedDatabase(path);
  const steps = ["CREATE TABLE numbers(n INTEGER)", "INSERT INTO numbers VALUES (7)"];
  database.migrate("numbers", steps.slice(0, 1));
  database.migrate("numbers", steps.slice(0, 1));
  expect(numbersIn(database)).toEqual([]);
  database.close();
  database = new EmbeddedDatabase(path);
  database.migrate("numbers", steps);
  database.migrate("numbers", steps);
  expect(numbersIn(database)).toEqual([7]);
  expect(() => database.migrate("numbers", steps.slice(0, 1))).toThrow(
    expect.objectContaining({ code: "BROKER_CORRUPT", message: expect.stringContaining("version 2") }),
  );
  database.close();
});

test("[L16] what is no log of ours is refused and stays as it was", () => {
  writeFileSync(path, "this is no database at all, but long enough to be looked at as one".repeat(20));
  expect(() => openEmbeddedBroker({ path })).toThrow(expect.objectContaining({ code: "BROKER_CORRUPT" }));
  const foreignPath = join(folder, "foreign.db");
  const foreign = new DatabaseSync(foreignPath);
  foreign.exec("CREATE TABLE customers(id)");
  foreign.close();
  expect(() => openEmbeddedBroker({ path: foreignPath })).toThrow(
    expect.objectContaining({ code: "BROKER_CORRUPT", message: expect.stringContaining("another program's") }),
  );
  const tables = new DatabaseSync(foreignPath).prepare("SELECT name FROM sqlite_schema").all();
  expect(tables.map((row) => row["name"])).toEqual(["customers"]);
  const nowhere = join(folder, "missing", "log.db");
  expect(() => openEmbeddedBroker({ path: nowhere })).toThrow(
    expect.objectContaining({ code: "BROKER_IO", message: expect.stringContaining("does its folder exist") }),
  );
});

test("[L16] damaged pages are told as BROKER_CORRUPT", async () => {
  const broker = openEmbeddedBroker({ path });
  const names = Array.from({ length: 400 }, (_, i) => `topic-${i}-${"x".repeat(100)}`);
  await broker.ensureTopics(names.map((name) => ({ name, partitions: 1, retention: { kind: "forever" } })));
  await broker.close();
  const file = openSync(path, "r+");
  for (let page = 2; page < 20; page++) writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, page * 4096);
  closeSync(file);
  expect(() => openEmbeddedBroker({ path })).toThrow(expect.objectContaining({ code: "BROKER_CORRUPT" }));
});
