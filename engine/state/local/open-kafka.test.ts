import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { type KafkaLog, openKafka } from "./open-kafka.ts";

function testFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-open-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "state.db");
}
/** Nothing is asked of the cluster until somebody joins. */
const open = (stateFile: string): KafkaLog =>
  openKafka({ cluster: { bootstrap: [{ host: "127.0.0.1", port: 1 }], clientId: "test" }, stateFile });

test("[K82] a local copy that is damaged is set aside and begun anew, the one set aside before is given up", async () => {
  const path = testFile();
  for (const content of ["first ".repeat(1000), "second ".repeat(1000)]) {
    writeFileSync(path, content);
    await open(path).close();
    expect(readFileSync(`${path}.damaged`, "utf8")).toBe(content);
    await open(path).close();
  }
});

test("[K82] another program's database is refused and left as it is", () => {
  const path = testFile();
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE accounts(id INTEGER)");
  other.close();
  const before = readFileSync(path);
  expect(() => open(path)).toThrow(expect.objectContaining({ code: "BROKER_CORRUPT" }));
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(existsSync(`${path}.damaged`)).toBe(false);
});
