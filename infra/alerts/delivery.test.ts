import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DevServer } from "../../handbook/testing/dev-server.ts";
import { freePorts, type NodePorts } from "../kafka/node/ports.ts";
import { type Receiver, startMail, startSlack } from "./testing/receivers.ts";
import { startTool, toolsNeeded } from "./testing/tools.ts";

const folder = fileURLToPath(new URL("./", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "millrace-alerting-"));
const withinMs = { timeout: 60_000, interval: 200 };
const children: ChildProcess[] = [];
let url = "";
const server = new DevServer();

const missing = toolsNeeded(["prometheus", "alertmanager"]);
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
function write(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
}

beforeAll(async () => {
  await server.start();
  url = server.url;
}, 120_000);
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await server.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

/** Metrics of sinks are there where a topology has sinks; their names stand in one file. */
const sinkMetrics = fileURLToPath(new URL("../../cli/sinks/sink-metrics.ts", import.meta.url));

test("[AL4] every metric that a rule names is told by a server that runs, with the labels and values that the rule asks for", async () => {
  const body = JSON.stringify({ eventType: "nothing.known", data: {} });
  await fetch(`${url}/v1/events`, { method: "POST", headers: { "content-type": "application/json" }, body });
  const told = await (await fetch(`${url}/metrics`)).text();
  const rules = read("millrace.rules.yaml").replaceAll(/^\s*#.*$/gm, "");
  const named = [...new Set([...rules.matchAll(/\bmillrace_[a-z_]+\b/g)].map(([name]) => name))];
  expect(named.length).toBeGreaterThan(8);
  const ofSinks = named.filter((name) => name.startsWith("millrace_sink_"));
  const known = existsSync(sinkMetrics) ? readFileSync(sinkMetrics, "utf8") : ofSinks.join(" ");
  const unknown = named.filter((name) =>
    ofSinks.includes(name) ? !known.includes(name) : !new RegExp(`^# TYPE ${name} `, "m").test(told),
  );
  expect(unknown).toEqual([]);
  // Labels that a rule goes by.
  expect(told).toMatch(/^millrace_node_records_total\{.*outcome="dead-lettered".*\} 0$/m);
  expect(told).toMatch(/^millrace_gateway_events_total\{outcome="rejected",.*\} 1$/m);
  expect(told).toMatch(/^millrace_gateway_requests_total\{status="\d{3}"\} 1$/m);
  expect(told).toMatch(/^millrace_lag_seconds\{sub_topology="[^"]+",topic="[^"]+",partition="\d+"\} /m);
  const [free, size] = ["free", "size"].map((name) => Number(new RegExp(`^millrace_disk_${name}_bytes (\\S+)$`, "m").exec(told)![1]));
  expect(free).toBeGreaterThan(0);
  expect(size).toBeGreaterThan(free!);
});

test("[AL5] a server that is killed is told of in Slack and by mail, with the page that helps", async (context) => {
  if (missing !== undefined && !process.env["CI"]) context.skip(missing);
  const [slack, mail] = [await startSlack(), await startMail()] as [Receiver, Receiver];
  try {
    const [{ port: prometheusPort, controllerPort: alertmanagerPort }] = (await freePorts(1)) as [NodePorts];
    const webhook = write("slack-webhook", `http://127.0.0.1:${slack.port}/services/T/B/X`);
    // The file as it stands, but for the addresses, the login and the waiting.
    const alertmanager = read("alertmanager.yaml")
      .replace("/etc/millrace/slack-webhook", webhook)
      .replace("mail.example.com:587", `127.0.0.1:${mail.port}`)
      .replaceAll(/^ {2}smtp_auth_.*\n/gm, "")
      .replace("smtp_require_tls: true", "smtp_require_tls: false")
      .replaceAll(/group_(wait|interval): \d+[sm]/g, "group_$1: 1s");
    const prometheus = read("prometheus.yaml")
      .replaceAll("5s", "1s")
      .replace("localhost:8080", new URL(url).host)
      .replace("localhost:9093", `127.0.0.1:${alertmanagerPort}`);
    write("millrace.rules.yaml", read("millrace.rules.yaml").replaceAll(/for: 30s/g, "for: 2s"));
    const alerting = startTool("alertmanager", [
      `--config.file=${write("alertmanager.yaml", alertmanager)}`,
      `--storage.path=${join(scratch, "alertmanager")}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      "--cluster.listen-address=",
    ]);
    const watching = startTool("prometheus", [
      `--config.file=${write("prometheus.yaml", prometheus)}`,
      `--storage.tsdb.path=${join(scratch, "prometheus")}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ]);
    children.push(alerting, watching);
    const ask = async <T>(path: string): Promise<T | undefined> => {
      const response = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/${path}`).catch(() => undefined);
      return response?.ok === true ? ((await response.json()) as { data: T }).data : undefined;
    };
    const up = async (): Promise<string | undefined> =>
      (await ask<{ result: { value: [number, string] }[] }>(`query?query=${encodeURIComponent('up{job="millrace"}')}`))?.result[0]
        ?.value[1];
    await expect.poll(up, withinMs).toBe("1");
    // Nothing is wrong: what was away before the first scrape is there now. How full this machine's disk is, is its own business.
    const firing = async (): Promise<string[] | undefined> =>
      (await ask<{ alerts: { labels: { alertname: string } }[] }>("alerts"))?.alerts
        .map(({ labels }) => labels.alertname)
        .filter((name) => !name.startsWith("MillraceDisk"));
    await expect.poll(firing, withinMs).toEqual([]);

    await server.end("SIGKILL");
    const away = (texts: readonly string[], status: string): string | undefined =>
      texts.find(
        (text) => text.includes(`${status} critical: MillraceGatewayAway`) && text.includes(`${new URL(url).host} does not answer`),
      );
    await expect.poll(() => away(slack.received, "FIRING"), withinMs).toContain("MillraceGatewayAway");
    await expect.poll(() => away(mail.received, "FIRING"), withinMs).toContain("docs/runbooks/gateway-away.md");
    expect(JSON.parse(away(slack.received, "FIRING")!)).toMatchObject({ channel: "#millrace" });
    expect(away(slack.received, "FIRING")).toContain("docs/runbooks/gateway-away.md");
    expect(away(mail.received, "FIRING")).toMatch(/^To: on-call@example\.com$/m);
  } finally {
    slack.close();
    mail.close();
  }
}, 180_000);

beforeEach(() => expect(url).toMatch(/^http:/));
