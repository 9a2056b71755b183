import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test } from "vitest";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.ts";
import { findJars } from "./install/jars.ts";
import { findJava } from "./install/java.ts";
import { freePorts } from "./node/ports.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "millrace-kafka-"));
const deadlineMs = 240_000;
const started: Cluster[] = [];

const missing = await whatIsMissing();
// In CI nothing is skipped: there the tests themselves say what is missing.
beforeEach((context) => {
  if (missing !== undefined && !process.env["CI"]) context.skip(missing);
});
afterAll(async () => {
  for (const cluster of started) await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function whatIsMissing(): Promise<string | undefined> {
  try {
    await findJava(process.env);
    await findJars(process.env, () => undefined);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function start(name: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({ dataFolder: join(folder, name), ...more });
  started.push(cluster);
  return cluster;
}

test("a node is killed, paused, restarted and stopped, and keeps its data", { timeout: deadlineMs }, async () => {
  const cluster = await start("one", { fresh: true });
  const [first] = await cluster.status();
  expect(first).toMatchObject({ id: 1, ready: true, answer: { brokers: [1], controller: 1, coordinated: true } });
  // The coordinators' topics, five partitions each.
  expect(first!.answer!.partitions).toEqual({ all: 10, withLeader: 10, inSync: 10 });
  expect(cluster.bootstrap).toBe(`127.0.0.1:${first!.port}`);

  await cluster.kill(1);
  expect(await cluster.status()).toEqual([{ ...first, pid: null, ready: false, answer: undefined }]);
  await expect(cluster.kill(1)).rejects.toMatchObject({ code: "KAFKA_NOT_RUNNING" });
  await cluster.restart(1);
  const [second] = await cluster.status();
  expect(second).toEqual({ ...first, pid: second!.pid });
  expect(second!.pid).not.toBe(first!.pid);

  cluster.pause(1);
  // The system stops its threads one by one.
  await expect.poll(() => cluster.status(), { timeout: 10_000 }).toEqual([{ ...second, ready: false, answer: undefined }]);
  cluster.resume(1);
  await cluster.awaitInSync(30_000);

  await expect(start("one")).rejects.toMatchObject({ code: "KAFKA_RUNNING" });
  // A stopped process takes no signal but SIGCONT and SIGKILL.
  cluster.pause(1);
  expect(await cluster.stop()).toEqual([{ id: 1, end: "controlled" }]);
  expect(await cluster.stop()).toEqual([{ id: 1, end: "was not running" }]);

  await expect(start("one", { nodes: 3 })).rejects.toMatchObject({ code: "KAFKA_DATA_MISMATCH" });
  await expect(start("one", { port: first!.port + 10 })).rejects.toMatchObject({ code: "KAFKA_DATA_MISMATCH" });
  const taken = createServer().listen(first!.controllerPort, "127.0.0.1");
  await expect(start("one")).rejects.toMatchObject({
    code: "KAFKA_PORT_TAKEN",
    message: expect.stringContaining(`:${first!.controllerPort}`) as string,
  });
  await new Promise((closed) => taken.close(closed));

  const again = await start("one");
  expect(again.clusterId).toBe(cluster.clusterId);
  expect(again.bootstrap).toBe(cluster.bootstrap);
  expect((await again.status())[0]).toMatchObject({ ready: true, answer: { partitions: { all: 10, inSync: 10 } } });
  await again.stop();
});

test("of three nodes two go on without the third, which comes back in sync", { timeout: deadlineMs }, async () => {
  const cluster = await start("three", { nodes: 3 });
  const seenBy = async (ids: readonly number[]) =>
    (await cluster.status()).filter(({ id }) => ids.includes(id)).map(({ answer }) => answer);
  const { controller } = (await seenBy([1]))[0]!;
  const others = [1, 2, 3].filter((id) => id !== controller);
  await cluster.kill(controller!);
  // The controller's session has to end first, and another one to be elected.
  const two = {
    brokers: others,
    partitions: { all: 10, withLeader: 10, inSync: 0 },
    coordinated: true,
    controller: expect.toBeOneOf(others) as number,
  };
  await expect.poll(() => seenBy(others), { timeout: 60_000 }).toEqual([two, two]);
  await cluster.restart(controller!);
  await cluster.awaitInSync(60_000);
  const three = { brokers: [1, 2, 3], partitions: { all: 10, withLeader: 10, inSync: 10 }, coordinated: true };
  await expect.poll(() => seenBy([1, 2, 3]), { timeout: 60_000 }).toMatchObject([three, three, three]);
  const ends = await cluster.stop();
  expect(ends).toEqual([1, 2, 3].map((id) => ({ id, end: expect.toBeOneOf(["controlled", "killed"]) as string })));
  // As long as a majority is left it grants each its shutdown: so only who hears of it more than a second behind the others is killed.
  expect(ends.filter(({ end }) => end === "controlled").length).toBeGreaterThanOrEqual(2);
  expect(await cluster.stop()).toEqual([1, 2, 3].map((id) => ({ id, end: "was not running" })));
});

test("a node that ends while it starts is told with its last words", { timeout: deadlineMs }, async () => {
  const starting = start("refused", { settings: { "offsets.topic.num.partitions": "0" } });
  const expected = { code: "KAFKA_START_FAILED", message: expect.stringContaining("offsets.topic.num.partitions") as string };
  await expect(starting).rejects.toMatchObject(expected);
});

test(
  "the command's broker outlives it, holds nothing that the command had open, and starts from what fetch has archived",
  { timeout: deadlineMs },
  async () => {
    // A cache of its own, in which there is no archive yet.
    const env = { ...process.env, KAFKA_HOME: join(folder, "home"), MILLRACE_CACHE: join(folder, "cache") };
    mkdirSync(env.KAFKA_HOME);
    symlinkSync(await findJars(process.env, () => undefined), join(env.KAFKA_HOME, "libs"));
    const at = ["--data", join(folder, "by-command")];
    const lock = join(folder, "lock");
    const run = (command: string, ...options: string[]): { code: number | null; said: string } => {
      // As under a script's lock: descriptors that Node does not know of.
      const shell = `exec 9>'${lock}' 200>'${lock}'; exec "$0" "$@"`;
      const args = ["-c", shell, process.execPath, main, ...command.split(" "), ...options];
      const { status, stdout, stderr } = spawnSync("bash", args, { encoding: "utf8", timeout: 120_000, env });
      return { code: status, said: stdout + stderr };
    };
    const { port } = (await freePorts(1))[0]!;
    try {
      expect(run("fetch")).toMatchObject({ code: 0, said: expect.stringContaining(".jsa") as string });
      const archive = readdirSync(env.MILLRACE_CACHE).find((file) => file.endsWith(".jsa"))!;
      expect(run(`start --port ${port}`, ...at)).toMatchObject({ code: 0, said: expect.stringContaining(`127.0.0.1:${port}`) as string });
      const status = run("status", ...at);
      expect(status).toMatchObject({ code: 0, said: expect.stringMatching(/pid \d+ {2}ready, leads the quorum/) as string });
      const pid = Number(/pid (\d+)/.exec(status.said)![1]);
      if (process.platform === "linux") expect(openFiles(pid)).not.toContain(lock);
      if (process.platform === "linux") expect(groupOf(pid)).toBe(pid);
      if (process.platform === "linux") expect(readFileSync(`/proc/${pid}/maps`, "utf8")).toContain(archive);

      expect(run("kill 1", ...at)).toEqual({ code: 0, said: "node 1 is killed\n" });
      expect(run("status", ...at)).toMatchObject({ code: 1, said: expect.stringContaining("does not run") as string });
      expect(run("restart 1", ...at)).toEqual({ code: 0, said: "node 1 is ready\n" });
      expect(run("kill 2", ...at)).toMatchObject({ code: 2, said: expect.stringContaining("KAFKA_USAGE") as string });
      expect(run("stop", ...at)).toEqual({ code: 0, said: "node 1: stopped\n" });
      expect(run("stop", ...at)).toEqual({ code: 0, said: "node 1: was not running\n" });
    } finally {
      run("stop", ...at);
    }
  },
);

test("a cluster of this process ends with it, were it by SIGKILL", { timeout: deadlineMs }, async ({ skip }) => {
  if (spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status !== 0) skip("this system cannot end a child with its parent (setpriv)");
  const data = join(folder, "orphan");
  const program = `
    const { startCluster } = await import(${JSON.stringify(new URL("./cluster.ts", import.meta.url).href)});
    const cluster = await startCluster({ dataFolder: ${JSON.stringify(data)} });
    console.log((await cluster.status())[0].pid);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = await new Promise<number>((settle) => child.stdout.once("data", (text: Buffer) => settle(Number(text))));
  expect(commandLine(pid)).toContain(data);
  child.kill("SIGKILL");
  await expect.poll(() => commandLine(pid), { timeout: 10_000 }).not.toContain(data);
});

function openFiles(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((descriptor) => readlinkSync(`/proc/${pid}/fd/${descriptor}`));
}

function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
