import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startFaultProxy } from "#engine/broker/kafka/proving/fault-proxy.ts";
import { runReplayCommand } from "../replay/command.ts";
import { orderTopology, RunProcess, temporaryFolder } from "./testing/run-process.ts";

const kafka = process.env["MILLRACE_KAFKA"];
const describeKafka = describe.skipIf(kafka === undefined);
const broker = ["--broker", `kafka://${kafka}`];
/** Long enough that a process that is started again is back within it, however busy the machine is. */
const patient = ["--session-timeout", "60s"];

type Cluster = { readonly folder: string; readonly file: string; readonly start: (name: string, ...more: string[]) => RunProcess };

function cluster(): Cluster {
  const folder = temporaryFolder();
  const name = `run-${randomBytes(6).toString("hex")}`;
  const file = orderTopology(folder, name);
  const start = (instance: string, ...more: string[]): RunProcess =>
    new RunProcess([
      file,
      ...broker,
      ...patient,
      "--port",
      "0",
      "--state",
      join(folder, instance),
      "--instance",
      `${name}-${instance}`,
      ...more,
    ]);
  return { folder, file, start };
}

/** Countries that no other test has written to. */
const countries = (count: number): string[] => {
  const run = randomBytes(4).toString("hex");
  return Array.from({ length: count }, (_, i) => `${run}-land-${String(i).padStart(2, "0")}`);
};
const idOf = (country: string): string => `order-${country}`;
const rowsOf = (csv: string, run: string): string[] => csv.split("\r\n").filter((line) => line.startsWith(run));

describeKafka("millrace run", { timeout: 240_000 }, () => {
  test("[R10, Q28–Q31] two processes share the work, and each answers for what the other has", async () => {
    const { start } = cluster();
    const a = start("a", "--workers", "2");
    await a.ready();
    const b = await start("b").ready();
    await a.until(
      async () => (await b.metric("millrace_owned_tasks")) === 8 && (await a.metric("millrace_owned_tasks")) === 16,
      "the tasks are shared",
    );
    const lands = countries(24);
    const run = lands[0]!.slice(0, 8);
    const tokens = [...(await a.post(lands.slice(0, 12), idOf)), ...(await b.post(lands.slice(12), idOf))];
    const after = tokens.join(",");
    const path = `/v1/queries/orders-by-country?format=csv&after=${after}`;
    const [fromA, fromB] = [rowsOf(await a.text(path), run), rowsOf(await b.text(path), run)];
    expect(fromA.map((row) => row.split(",")[0])).toEqual(lands);
    expect(fromA.every((row) => row.endsWith(",1,21.90"))).toBe(true);
    expect(fromB).toEqual(fromA);
    for (const [i, land] of lands.entries()) {
      for (const one of [a, b])
        expect(rowsOf(await one.text(`/v1/queries/orders-by-country.csv?country=${land}`), run)).toEqual([fromA[i]]);
    }
    // Pages, an order, and a bound before the newest event, from either.
    const filter = lands.map((land) => `country=${land}`).join("&");
    for (const one of [a, b]) {
      const page = (await (await one.get(`/v1/queries/orders-by-country?${filter}&limit=20&from=-2d`)).json()) as Page;
      expect([page.rows.map(({ country }) => country), page.complete]).toEqual([lands.slice(0, 20), false]);
      expect(Object.keys(Object.values(page.asOf.offsets)[0]!)).toHaveLength(12);
      const next = (await (await one.get(`/v1/queries/orders-by-country?${filter}&limit=20&from=-2d&cursor=${page.next}`)).json()) as Page;
      expect([next.rows.map(({ country }) => country), next.complete]).toEqual([lands.slice(20), true]);
      const highest = (await (await one.get(`/v1/queries/orders-by-country?${filter}&order=-country&limit=3`)).json()) as Page;
      expect(highest.rows.map(({ country }) => country)).toEqual(lands.toReversed().slice(0, 3));
    }
    expect(await b.text("/metrics")).toMatch(/millrace_transactions_total\{outcome="committed",worker="[^"]+-b-0"\} [1-9]/);
    // One leaves in good order, and the other has it all.
    a.signal("SIGTERM");
    expect(await a.ended()).toMatchObject({ code: 0, out: expect.stringContaining("all committed; the others have its tasks") as string });
    await b.until(async () => (await b.get("/v1/queries/orders-by-country?limit=1")).status === 200, "the other answers for all");
    expect(rowsOf(await b.text("/v1/queries/orders-by-country?format=csv"), run)).toEqual(fromA);
    expect(b.err).toMatch(/"msg":"rebalanced: [^"]*-a-0, [^"]*-a-1 gone; gained 16/);
  });

  test("[R11, Q32] a process that is killed and started again under its name has its tasks back without a rebalance", async () => {
    const { start } = cluster();
    const a = await start("a").ready();
    const b = await start("b").ready();
    await a.until(
      async () => (await a.metric("millrace_owned_tasks")) === 12 && (await b.metric("millrace_owned_tasks")) === 12,
      "the tasks are shared",
    );
    const lands = countries(12);
    const tokens = await a.post(lands, idOf);
    const path = `/v1/queries/orders-by-country?format=csv`;
    const before = await a.text(`${path}&after=${tokens.join(",")}`);
    const rebalances = await b.metric("millrace_rebalances_total");
    const { port } = new URL(a.url);
    a.signal("SIGKILL");
    await a.ended();
    const refused = await b.get(path);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({ code: "QUERY_OWNER_UNREACHABLE" });
    const again = await start("a", "--port", port).ready();
    expect(await again.text(path)).toBe(before);
    expect(await b.text(path)).toBe(before);
    expect(await b.metric("millrace_rebalances_total")).toBe(rebalances);
    expect(await again.metric("millrace_owned_tasks")).toBe(12);
    // Sent again through another gateway, whose table of ids never saw them, they count once.
    expect(await b.text(`${path}&after=${(await b.post(lands, idOf)).join(",")}`)).toBe(before);
    again.signal("SIGTERM");
    expect((await again.ended()).code).toBe(0);
  });

  test("[R11] a second process of one name ends the first", async () => {
    const { folder, start } = cluster();
    const first = await start("a").ready();
    const second = await start("a", "--state", join(folder, "elsewhere")).ready();
    expect(await first.ended()).toMatchObject({
      code: 1,
      err: expect.stringMatching(/WORKER_FENCED [\s\S]*another process runs under this name/) as string,
    });
    await second.text("/v1/queries/orders-by-country?limit=1");
  });

  test("[R12] with --keep-membership it keeps its place when it is told to end", async () => {
    const { start } = cluster();
    const a = await start("a", "--keep-membership").ready();
    const b = await start("b").ready();
    await a.until(async () => (await b.metric("millrace_owned_tasks")) === 12, "the tasks are shared");
    const rebalances = await b.metric("millrace_rebalances_total");
    const { port } = new URL(a.url);
    a.signal("SIGTERM");
    expect((await a.ended()).code).toBe(0);
    await (await start("a", "--port", port).ready()).text("/v1/queries/orders-by-country?limit=1");
    expect(await b.metric("millrace_rebalances_total")).toBe(rebalances);
  });

  test("[R13, G27] while Kafka is away posts are refused at once and readiness says so; then it goes on, and nothing acknowledged is lost", async () => {
    const { folder, file } = cluster();
    const proxy = await startFaultProxy();
    const addresses = kafka!
      .split(",")
      .map((text) => ({ host: text.slice(0, text.lastIndexOf(":")), port: Number(text.split(":").at(-1)) }));
    const args = [file, ...broker, ...patient, "--port", "0", "--state", join(folder, "state")];
    const running = await new RunProcess(args, { MILLRACE_KAFKA_VIA: proxy.variable(addresses) }).ready();
    const [first, second] = [countries(6), countries(6)];
    const tokens = [...(await running.post(first, idOf))];
    proxy.cut();
    await running.until(async () => (await running.get("/readyz")).status === 503, "it says that it is not ready");
    expect(await (await running.get("/readyz")).json()).toMatchObject({
      dependencies: { kafka: { ready: false, detail: expect.stringContaining("away") as string } },
    });
    const refused = await fetch(`${running.url}/v1/events`, { method: "POST", body: "{}" });
    expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([503, true]);
    expect(await refused.json()).toMatchObject({ type: "/problems/log-unavailable" });
    proxy.heal();
    await running.until(async () => (await running.get("/readyz")).status === 200, "it is ready again");
    tokens.push(...(await running.post(second, idOf)));
    const csv = await running.text(`/v1/queries/orders-by-country?format=csv&after=${tokens.join(",")}`);
    for (const land of [...first, ...second]) expect(csv).toContain(`${land},`);
    running.signal("SIGTERM");
    expect((await running.ended()).code).toBe(0);
    await proxy.close();
  });

  test("[R14, P22] what keeps it from starting, or a replay from lasting, is said with what to do", async () => {
    const { folder, file, start } = cluster();
    const state = ["--state", join(folder, "other")];
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const onTakenPort = await new RunProcess([file, ...broker, ...state, "--port", String(port)]).ended();
    taken.close();
    expect([onTakenPort.code, onTakenPort.err]).toEqual([1, expect.stringContaining(`RUN_PORT_TAKEN port ${port} of 127.0.0.1 is taken`)]);
    const forever = await new RunProcess([file, ...broker, ...state, "--retention", "forever", "--port", "0"]).ended();
    expect([forever.code, forever.err]).toEqual([
      1,
      expect.stringMatching(
        /BROKER_TOPIC_MISMATCH topic "business\.[\s\S]*retention\.ms is \d+, asked for is -1[\s\S]*kafka-configs --alter/,
      ),
    ]);
    const a = await start("a").listening();
    const second = await start("a").ended();
    expect([second.code, second.err]).toEqual([1, expect.stringMatching(/BROKER_LOCKED [\s\S]*give each its own --state/)]);
    let err = "";
    const host = {
      env: {},
      stdout: { write: () => true },
      stderr: { write: (text: string) => (err += text) },
      signal: new AbortController().signal,
    };
    expect(await runReplayCommand(["--to", a.url], host)).toBe(1);
    expect(err).toMatch(/REPLAY_RETENTION .*business\.orders\.created.* for 7 days.*--retention forever/);
    a.signal("SIGTERM");
    expect((await a.ended()).code).toBe(0);
  });
});

describe("[R14] without a Kafka", { timeout: 60_000 }, () => {
  test("a broker that does not answer: an error that says where, exit code 1", async () => {
    const folder = temporaryFolder();
    const file = orderTopology(folder, "nowhere");
    const args = [file, "--broker", "kafka://127.0.0.1:9", "--connect-timeout", "500ms", "--port", "0", "--state", folder];
    const { code, err } = await new RunProcess(args).ended();
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^BROKER_UNREACHABLE no broker answers at 127\.0\.0\.1:9: .*\nis Kafka started/),
    ]);
  });
});

type Page = {
  readonly rows: readonly { readonly country: string }[];
  readonly complete: boolean;
  readonly next: string;
  readonly asOf: { readonly offsets: Readonly<Record<string, object>> };
};
