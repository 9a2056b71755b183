import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runCommand } from "./commands.ts";

async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ["", ""];
  const code = await runCommand(args, {
    env: {},
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "millrace-schema-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("[ED1] millrace schema writes the schema, and says when a file is another", async () => {
  const file = join(folder(), "topology.schema.json");
  expect(await run("schema", "--out", file)).toEqual({ code: 0, out: "", err: "" });
  expect((await run("schema")).out).toBe(readFileSync(file, "utf8"));
  expect(await run("schema", "--check", file)).toEqual({ code: 0, out: "", err: "" });
  writeFileSync(file, readFileSync(file, "utf8").replace("tumbling", "tumblng"));
  expect(await run("schema", "--check", file)).toEqual({
    code: 1,
    out: "",
    err: `${file} is not of these sources: write it anew with  npx millrace schema --out ${file}\n`,
  });
  expect(await run("schema", "--check", `${file}.gone`)).toMatchObject({ code: 1, err: expect.stringContaining("ENOENT") });
  expect(await run("schema", "--out", "a", "--check", "b")).toMatchObject({ code: 2 });
  expect(await run("schema", "--into", "a")).toMatchObject({ code: 2 });
});

test("[ED4] millrace graph writes Mermaid or SVG, as it is told or as the file is called, and nothing of a file with mistakes", async () => {
  const at = folder();
  const topology = join(at, "shop.yaml");
  writeFileSync(
    topology,
    "topology: shop\nnodes:\n  units: { from: business.inventory.received, aggregate: { units: sum(data.quantity) } }\n",
  );
  expect((await run("graph", topology)).out).toMatch(/^flowchart LR\n {2}accTitle: Topology shop\n/);
  expect((await run("graph", topology, "--format", "svg")).out).toMatch(/^<svg xmlns=[\s\S]*<\/svg>\n$/);
  expect(await run("graph", topology, "--out", join(at, "shop.svg"))).toEqual({ code: 0, out: "", err: "" });
  expect(readFileSync(join(at, "shop.svg"), "utf8")).toContain('<title id="topology-title">Topology shop</title>');
  expect(await run("graph", topology, "--format", "png")).toMatchObject({
    code: 2,
    err: expect.stringContaining("there are mermaid, svg"),
  });
  expect(await run("graph", topology, topology)).toMatchObject({ code: 2 });
  expect(await run("graph", topology, "--out", join(at, "none/shop.svg"))).toMatchObject({
    code: 1,
    err: expect.stringContaining("ENOENT"),
  });
  writeFileSync(topology, "topology: shop\n");
  expect(await run("graph", topology)).toMatchObject({ code: 1, out: "", err: expect.stringContaining("TOPOLOGY_MISSING_FIELD") });
});
