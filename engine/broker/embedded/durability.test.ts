import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { seededRandom, textsIn } from "#broker/conformance-harness.ts";
import { openEmbeddedBroker } from "./embedded-broker.ts";

const appendingTopic = "test.appending";

test("[L11] a process killed while it appends keeps every record that it answered for, in its caller's order, without a hole", async () => {
  const random = seededRandom("durability");
  const folder = mkdtempSync(join(tmpdir(), "millrace-durability-"));
  const path = join(folder, "log.db");
  for (let round = 0; round < 3; round++) {
    const killAt = 200 + Math.floor(random() * 3000);
    const child = spawn(process.execPath, [join(import.meta.dirname, "appending-process.ts"), path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const answered = new Map<string, number>();
    let lines = 0;
    for await (const line of createInterface(child.stdout)) {
      const [caller, number] = line.split(" ");
      answered.set(caller!, Number(number));
      if (++lines === killAt) child.kill("SIGKILL");
    }
    if (child.signalCode === null) await once(child, "exit");
    expect(child.signalCode).toBe("SIGKILL");
    expect(answered.size).toBe(10);
    const broker = openEmbeddedBroker({ path });
    const texts = [...(await textsIn(broker, appendingTopic, 0)), ...(await textsIn(broker, appendingTopic, 1))];
    for (const [caller, last] of answered) {
      // Each round counts from 0 again: the last run of numbers is this round's.
      const numbers = texts.filter((text) => text.startsWith(`${caller} `)).map((text) => Number(text.split(" ")[1]));
      const ofRound = numbers.slice(numbers.lastIndexOf(0));
      expect(ofRound).toEqual(ofRound.map((_, i) => i));
      expect(ofRound.length).toBeGreaterThan(last);
    }
    await broker.close();
  }
  rmSync(folder, { recursive: true });
});
