import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { RunProcess, temporaryFolder } from "../run/testing/run-process.ts";

const program = fileURLToPath(new URL("../main.ts", import.meta.url));
const dev = (folder: string, ...args: string[]): RunProcess =>
  new RunProcess(["--no-demo", "--data", folder, ...args], {}, { program, command: ["dev"] });
const listening = (process: RunProcess): Promise<void> => process.until(() => /live page/.test(process.out), "it listens");

async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("millrace dev", { timeout: 120_000 }, () => {
  test("[R19] a port that was named and is taken ends it, in good order", async () => {
    const folder = temporaryFolder();
    const port = await takenPort();
    const refused = await dev(folder, "--port", String(port)).ended();
    expect(refused).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(`^DEV_PORT_TAKEN port ${port} of 127.0.0.1 is taken`) as string,
    });
    const elsewhere = dev(folder, "--port", "0");
    await listening(elsewhere);
  });

  test("[R19] an address that this machine does not have, and a folder that is a file, are one line", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "file");
    writeFileSync(file, "");
    const keyed = { program, command: ["dev"] };
    const nowhere = new RunProcess(["--no-demo", "--data", join(folder, "d"), "--host", "192.0.2.1"], { MILLRACE_KEY: "a key" }, keyed);
    const [away, noFolder] = await Promise.all([nowhere.ended(), dev(file, "--port", "0").ended()]);
    expect(away).toMatchObject({ code: 1, err: "DEV_CANNOT_LISTEN 192.0.2.1:8080 cannot be listened on: EADDRNOTAVAIL\n" });
    expect(noFolder).toMatchObject({
      code: 1,
      err: `DEV_DATA_FOLDER ${file} cannot be the data folder: there is a file of that name; give another --data\n`,
    });
  });

  test("[R19] a folder that another process has is refused without a trace in that one's log", async () => {
    const folder = temporaryFolder();
    const first = dev(folder, "--port", "0");
    await listening(first);
    const second = await dev(folder, "--port", "0").ended();
    expect(second).toMatchObject({ code: 1, out: "" });
    expect(second.err).toMatch(
      /^BROKER_LOCKED the log is open in another process \(pid \d+\).*\nanother process uses \S+: end it, or start with another --data\n$/,
    );
    expect(readFileSync(join(folder, "millrace.log"), "utf8")).not.toMatch(/"level":50/);
    first.signal("SIGTERM");
    expect((await first.ended()).code).toBe(0);
  });

  test("[R20] without a key it listens on the loopback alone", async () => {
    const open = await dev(temporaryFolder(), "--host", "0.0.0.0").ended();
    expect(open).toMatchObject({ code: 2, err: "events would be taken from anybody who reaches 0.0.0.0: set MILLRACE_KEY\n" });
  });

  test("[R22] another length of a node's windows is refused on a folder where it has kept some; a new node and another grace are not", async () => {
    const folder = temporaryFolder();
    const fileOf = (text: string): string => {
      const file = join(folder, "shop.yaml");
      writeFileSync(file, `topology: shop\nnodes:\n${text}`);
      return file;
    };
    const node = (name: string, window: string): string =>
      `  ${name}: { from: business.orders.created, key: data.shippingAddress.country, window: { ${window} }, aggregate: { orders: count() } }\n`;
    const runs = async (text: string): Promise<void> => {
      const running = dev(join(folder, "data"), "--port", "0", "--topology", fileOf(text));
      await listening(running);
      running.signal("SIGTERM");
      expect(await running.ended()).toMatchObject({ code: 0 });
    };
    await runs(node("sales", "tumbling: 1d, grace: 30s, retain: 30d"));
    const other = node("sales", "tumbling: 2h, grace: 30s, retain: 30d");
    const refused = await dev(join(folder, "data"), "--port", "0", "--topology", fileOf(other)).ended();
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toMatch(
      /^DEV_WINDOW_CHANGED "sales" has kept windows of 1d, and the file says 2h\nold rows would be shown as of the new length: give the node a new name, or start on another --data/,
    );
    await runs(node("sales", "tumbling: 1d, grace: 1m, retain: 40d") + node("sales-by-hours", "tumbling: 2h, grace: 30s, retain: 30d"));
  });
});
