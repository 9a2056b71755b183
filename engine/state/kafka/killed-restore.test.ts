import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { DeltaWriter } from "#broker/store-delta.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { LocalState } from "#state/local/local-state.ts";
import { keyValueStore } from "#state/store.ts";
import { testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;
const commits = 12;
const rowsPerCommit = 40;
const keys = 300;
const raw = { encode: (value: Uint8Array) => value, decode: (bytes: Uint8Array) => new Uint8Array(bytes) };
const valueOf = (number: number, i: number): Buffer => Buffer.alloc(64 << 10, `${number}/${i} `);
const hash = (bytes: Uint8Array): string => createHash("sha1").update(bytes).digest("hex");

describeKafka("restores that are killed, on Kafka", { timeout: 120_000 }, () => {
  test("[K120] what a restore had read when it was killed is kept, and in the end all is as it was committed", async () => {
    const { prefix, open } = testProcesses();
    const { broker } = await open();
    await broker.ensureTopics(topics);
    const member = await new TestMember().join(broker, "writer");
    const wanted = new Map<string, string>();
    const delta = new DeltaWriter();
    for (let number = 1; number <= commits; number++) {
      delta.begin("key-value");
      for (let i = 0; i < rowsPerCommit; i++) {
        const key = `key ${(number * rowsPerCommit + i) % keys}`;
        if (i % 10 === 0) {
          delta.delete(-1, key);
          wanted.delete(key);
        } else {
          delta.put(-1, key, valueOf(number, i));
          wanted.set(key, hash(valueOf(number, i)));
        }
      }
      const changes = [{ store: "counts", bytes: delta.take() }];
      expect((await broker.commit(member.commitOf(task, BigInt(number), { changes }))).kind).toBe("committed");
    }
    await member.leave();

    const folder = mkdtempSync(join(tmpdir(), "millrace-killed-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "state.db");
    const totals: number[] = [];
    const signals: (string | null)[] = [];
    // Each gets some 12 MiB further, of which all but the last 8 is kept.
    for (let run = 0; run < 20 && signals.at(-1) !== null; run++) {
      const script = join(import.meta.dirname, "restoring-process.ts");
      const child = spawn(process.execPath, [script, path, prefix, group, task, "12"], { stdio: ["ignore", "pipe", "inherit"] });
      child.stdout.on("data", (text: Buffer) => void totals.push(...text.toString().trim().split("\n").map(Number)));
      const [, signal] = (await once(child, "close")) as [number | null, string | null];
      signals.push(signal);
    }
    expect(signals.filter((signal) => signal === "SIGKILL").length).toBeGreaterThan(0);
    expect(signals.at(-1)).toBeNull();
    expect(totals).toEqual(totals.toSorted((a, b) => b - a));
    expect(totals.at(-1)).toBeLessThan(totals[0]!);

    const database = new EmbeddedDatabase(path);
    onTestFinished(() => database.close());
    expect(new LocalState(database).read(task)).toMatchObject({ number: BigInt(commits), whole: true });
    const state = embeddedStateStorage(database).open(task, { counts: keyValueStore<Uint8Array>(raw) });
    expect(Object.fromEntries(Array.from(state.keyValue<Uint8Array>("counts").range(), ([key, value]) => [key, hash(value)]))).toEqual(
      Object.fromEntries(wanted),
    );
  });
});
