import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { orderTopology, RunProcess, temporaryFolder } from "../cli/run/testing/run-process.ts";
import { type Inputs, writeBundle } from "./bundle.ts";

const kafka = process.env["MILLRACE_KAFKA"];
const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");
const name = `dist-${randomBytes(6).toString("hex")}`;
const bundled = join(root, name, "main.js");
const sources = join(root, "cli/main.ts");

describe("a bundle of these sources", { timeout: 240_000 }, () => {
  beforeAll(async () => void (await writeBundle(root, name)));
  afterAll(() => rmSync(join(root, name), { recursive: true, force: true }));

  const said = (program: string, args: readonly string[]): string =>
    execFileSync(process.execPath, [program, ...args], { encoding: "utf8", cwd: root });

  test.each(["", "dev", "run", "check", "test", "replay"])("[R18] millrace %s --help says the same as from the sources", (command) => {
    const args = command === "" ? ["--help"] : [command, "--help"];
    expect(said(bundled, args)).toBe(said(sources, args));
  });

  test("[R18] it finds what lies beside the sources: schemas, topology, tests", () => {
    expect(said(bundled, ["check", "topology/commerce.yaml"])).toBe(said(sources, ["check", "topology/commerce.yaml"]));
    expect(said(bundled, ["test", "topology"])).toMatch(/passed|ok/);
  });

  test("[R18] it is a few files, and knows nothing of what only tests use", () => {
    const files = readdirSync(join(root, name));
    // Each driver of a sink is a file or two of its own, loaded when a sink needs it.
    expect(files.length).toBeLessThan(70);
    expect(files).toContain("cli-run-worker-thread.js");
    expect(files).toContain("cli-dev-engine-thread.js");
    expect(files).toContain("engine-broker-kafka-group-heartbeat-thread.js");
  });

  test("[R18] beside it stands what it is and what it was made of", () => {
    const inputs = JSON.parse(readFileSync(join(root, name, "inputs.json"), "utf8")) as Inputs;
    const paths = inputs.map(([path]) => path);
    expect(paths).toEqual(expect.arrayContaining(["cli/main.ts", "engine/mod.ts", "package-lock.json", `${name}/main.js`]));
    expect(paths.filter((path) => path.startsWith(`${name}/`)).length).toBe(readdirSync(join(root, name)).length - 1);
    for (const [path, size, changedMs] of inputs) expect(statSync(join(root, path)), path).toMatchObject({ size, mtimeMs: changedMs });
  });

  test("[R18] millrace dev takes an event in, shows it and ends in order", async () => {
    const running = new RunProcess(["dev", "--no-demo", "--data", temporaryFolder(), "--port", "0"], {}, { program: bundled, command: [] });
    await running.until(() => /live page/.test(running.out), "it listens");
    const [token] = await running.post(["France"], () => "o1");
    expect(await running.text(`/v1/queries/orders-by-day?country=France&format=csv&after=${token}`)).toContain("France");
    expect(await (await running.get("/")).text()).toContain("<html");
    expect(await (await running.get("/docs")).text()).toContain("cart.item_added");
    expect(await running.text("/problems/too-deep")).toContain("What to do");
    for (const path of ["/docs/docs.js", "/docs/docs.css", "/openapi.json", "/v1/schemas"])
      expect((await running.get(path)).status, path).toBe(200);
    running.signal("SIGTERM");
    expect(await running.ended()).toMatchObject({ code: 0 });
  });

  test.skipIf(kafka === undefined)("[R18] millrace run does the same on Kafka, and again after a SIGKILL", async () => {
    const folder = temporaryFolder();
    const topology = orderTopology(folder, `bundled-${randomBytes(6).toString("hex")}`);
    const args = [topology, "--broker", `kafka://${kafka}`, "--state", join(folder, "state"), "--port", "0"];
    const first = await new RunProcess(args, {}, { program: bundled }).ready();
    const [token] = await first.post(["France"], () => "o1");
    expect(await first.text(`/v1/queries/orders-by-country?after=${token}&format=csv`)).toContain(",1,21.90");
    first.signal("SIGKILL");
    await first.ended();
    const second = await new RunProcess(args, {}, { program: bundled }).ready();
    expect(await second.text("/v1/queries/orders-by-country?format=csv")).toContain(",1,21.90");
    second.signal("SIGTERM");
    expect(await second.ended()).toMatchObject({ code: 0, out: expect.stringContaining("all committed") as string });
  });
});
