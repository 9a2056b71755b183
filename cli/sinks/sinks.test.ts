import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createClient } from "@redis/client";
import { buildApp } from "fauxqs";
import { Client } from "pg";
import { SMTPServer } from "smtp-server";
import { describe, expect, onTestFinished, test } from "vitest";
import { postgresPrograms, startPostgres } from "#sinks/proving/postgres-server.ts";
import { redisProgram, startRedis } from "#sinks/proving/redis-server.ts";
import { RunProcess, temporaryFolder } from "../run/testing/run-process.ts";
import { openReceiver } from "./testing/receiver.ts";

const program = fileURLToPath(new URL("../millrace.js", import.meta.url));
const nodes = `topology: shop
nodes:
  orders: { from: business.orders.created, dedupe: { by: eventId, within: 24h } }
  by-country:
    from: orders
    key: data.shippingAddress.country
    aggregate: { orders: count(), revenue: sum(data.total) }
    to: analytics.orders.by-country
sinks:
`;

type Dev = {
  readonly folder: string;
  readonly file: string;
  readonly start: (env?: Record<string, string>, ...more: string[]) => RunProcess;
};

/** `millrace dev` of a file with these sinks, as often as it is started on the same data. */
function devOf(sinks: string): Dev {
  const folder = temporaryFolder();
  const file = join(folder, "shop.yaml");
  writeFileSync(file, nodes + sinks);
  const args = ["--no-demo", "--topology", file, "--data", join(folder, "data"), "--port", "0"];
  return { folder, file, start: (env = {}, ...more) => new RunProcess([...args, ...more], env, { program, command: ["dev"] }) };
}

const listening = async (dev: RunProcess): Promise<RunProcess> => {
  await dev.until(() => /live page/.test(dev.out), "it listens");
  return dev;
};
const sinksOf = async (dev: RunProcess): Promise<string | undefined> =>
  ((await (await dev.get("/readyz")).json()) as { dependencies: { sinks?: { detail: string } } }).dependencies.sinks?.detail;
const wait = { timeout: 20_000 };

describe("millrace dev", { timeout: 120_000 }, () => {
  test("[D70][D72][D74] posts, says, mails and publishes what the file says, and counts it", async () => {
    const [hook, slack] = [await openReceiver(), await openReceiver()];
    const post = await mailServer();
    const cloud = await queue();
    const dev = devOf(`  hook:
    from: by-country
    webhook: { url: "\${HOOK}/orders", secret: "\${HOOK_SECRET}", body: { country: country, orders: orders, revenue: revenue } }
  team:
    from: business.orders.created
    where: data.shippingAddress.country != "Spain"
    slack: { webhook: "\${SLACK}", text: "'An order from ' + data.shippingAddress.country + ' <!channel>'", every: 10ms }
  buyers:
    from: business.orders.created
    where: data.shippingAddress.country == "Spain"
    email: { server: "127.0.0.1:\${SMTP_PORT}", sender: "Shop <shop@shop.example>", to: "'buyers@shop.example'", subject: "'Order ' + data.orderId", text: "string(data.total.amount) + ' ' + data.total.currency" }
  cloud:
    from: business.orders.created
    sns: { topicArn: "\${TOPIC}", endpoint: "\${AWS}", attributes: { country: data.shippingAddress.country } }
`);
    const secret = `whsec_${Buffer.from("s".repeat(24)).toString("base64")}`;
    const keys = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
    const env = {
      HOOK: hook.url,
      HOOK_SECRET: secret,
      SLACK: slack.url,
      SMTP_PORT: String(post.port),
      TOPIC: cloud.topic,
      AWS: cloud.endpoint,
      ...keys,
    };
    const running = await listening(dev.start(env));
    await running.post(["France", "Spain"], (country) => `o-${country}`);
    await expect.poll(() => hook.requests.length, wait).toBe(2);
    const bodies = hook.requests.map(({ body }) => JSON.parse(body) as unknown);
    const revenue = { amount: "21.90", currency: "GBP" };
    expect(bodies).toEqual(
      expect.arrayContaining([
        { country: "France", orders: 1, revenue },
        { country: "Spain", orders: 1, revenue },
      ]),
    );
    for (const { path, headers, body } of hook.requests) {
      expect([path, headers["content-type"]]).toEqual(["/orders", "application/json"]);
      expect(headers["webhook-id"]).toMatch(/^[0-9a-f]{12}\/analytics\.orders\.by-country\/\d+\/\d+$/);
      const mac = createHmac("sha256", "s".repeat(24)).update(
        `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`,
      );
      expect(headers["webhook-signature"]).toBe(`v1,${mac.digest("base64")}`);
    }
    await expect
      .poll(() => slack.requests.map(({ body }) => (JSON.parse(body) as { text: string }).text), wait)
      .toEqual(["An order from France &lt;!channel&gt;"]);
    await expect.poll(() => post.mails, wait).toEqual([{ to: "buyers@shop.example", subject: "Order o-Spain", text: "21.90 GBP" }]);
    await expect.poll(() => cloud.countries(), wait).toEqual(["France", "Spain"]);
    await expect.poll(() => running.metric("millrace_sink_lag_records"), wait).toBe(0);
    const metrics = await running.text("/metrics");
    for (const [sink, delivered, skipped] of [
      ["hook", 2, 0],
      ["team", 1, 1],
      ["buyers", 1, 1],
      ["cloud", 2, 0],
    ]) {
      expect(metrics).toContain(`millrace_sink_records_total{sink="${sink}",outcome="delivered"} ${delivered}`);
      expect(metrics).toContain(`millrace_sink_records_total{sink="${sink}",outcome="skipped"} ${skipped}`);
      expect(metrics).toContain(`millrace_sink_breaker_state{sink="${sink}",state="closed"} 1`);
      expect(metrics).toContain(`millrace_sink_running{sink="${sink}"} 1`);
    }
    expect(await sinksOf(running)).toBe("4 of 4 deliver");
    running.signal("SIGTERM");
    expect(await running.ended()).toMatchObject({ code: 0 });
    // No secret in what it said.
    for (const said of [running.out, running.err]) for (const secretText of [secret, slack.url]) expect(said).not.toContain(secretText);
  });

  test("[D6][D74][D77] tells once of a breaker that is open, why, and stays ready; what waits is delivered after a stop, and what is refused lies in the dead letters", async () => {
    const hook = await openReceiver();
    const dev = devOf(`  hook:
    from: business.orders.created
    webhook: { url: "\${HOOK}", body: { order: data.orderId } }
    retry: { pause: 5ms, most: 20ms }
    breaker: { failures: 2, pause: 50ms, most: 100ms }
`);
    hook.status = 0;
    const first = await listening(dev.start({ HOOK: hook.url }));
    await first.post(["France"], () => "o-1");
    await expect.poll(() => sinksOf(first), wait).toMatch(/^hook: breaker (open|half-open)$/);
    expect((await first.get("/readyz")).status).toBe(200);
    await expect.poll(() => first.metric("millrace_sink_lag_records"), wait).toBe(1);
    const records = await first.text("/metrics");
    expect(records).toMatch(/millrace_sink_records_total\{sink="hook",outcome="retried"\} [1-9]/);
    expect(records).toMatch(/millrace_sink_calls_total\{sink="hook",outcome="failed"\} [1-9]/);
    await expect.poll(() => first.metric("millrace_sink_calls_total"), wait).toBeGreaterThan(6);
    const outage = first.err.split("\n").filter((line) => line.includes("sink.breaker"));
    expect(outage.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 40, sink: "hook", state: "open", why: expect.stringMatching(/\w/) as string }),
    ]);
    first.signal("SIGTERM");
    expect(await first.ended()).toMatchObject({ code: 0 });
    hook.status = 200;
    const second = await listening(dev.start({ HOOK: hook.url }));
    await expect.poll(() => hook.requests.map(({ body }) => body), wait).toEqual([`{"order":"o-1"}`]);
    hook.status = 422;
    await second.post(["Spain"], () => "o-2");
    await expect.poll(() => second.metric("millrace_sink_dead_letters_total"), wait).toBe(1);
    expect(await second.text("/v1/dead-letters?topic=business.orders.created")).toMatch(/http-422/);
    second.signal("SIGTERM");
    expect(await second.ended()).toMatchObject({ code: 0 });
  });

  test("[D79] an end that waits for a call under way says so, and a second signal does not wait", async () => {
    const hook = await openReceiver();
    hook.silent = true;
    const dev = devOf(`  hook: { from: business.orders.created, webhook: { url: "\${HOOK}" }, timeout: 5m }\n`);
    const running = await listening(dev.start({ HOOK: hook.url }));
    await running.post(["France"], () => "o-1");
    await expect.poll(() => hook.requests.length, wait).toBe(1);
    running.signal("SIGTERM");
    await running.until(() => running.out.includes("still waiting"), "it says what it waits for");
    expect(running.out).toMatch(
      /\nstill waiting for calls under way of sinks, each at most its timeout: hook 5m; .*Ctrl-C again ends at once/,
    );
    running.signal("SIGTERM");
    expect(await running.ended()).toMatchObject({ code: 130 });
    hook.silent = false;
    const again = await listening(dev.start({ HOOK: hook.url }));
    await expect.poll(() => hook.requests.length, wait).toBe(2);
    expect(hook.requests[1]!.headers["webhook-id"]).toBe(hook.requests[0]!.headers["webhook-id"]);
    again.signal("SIGTERM");
    expect(await again.ended()).toMatchObject({ code: 0 });
  });

  test("[D71] does not start without what its sinks need, unless it is told to do without them", async () => {
    const dev = devOf(`  hook: { from: business.orders.created, webhook: { url: "\${HOOK}", secret: "\${KEY}" } }\n`);
    const without = await dev.start({ HOOK: "https://shop.example/" }).ended();
    expect(without.code).toBe(1);
    expect(without.err).toMatch(
      /shop\.yaml:10:\d+ {2}TOPOLOGY_ENVIRONMENT {2}sink "hook" needs \$\{KEY\}, which is not set in the environment; set it, or start with --no-sinks \(\/sinks\/hook\/webhook\/secret\)/,
    );
    const refused = await dev.start({ HOOK: "https://shop.example/", KEY: "hunter2" }).ended();
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/SINK_REFUSED \S*shop\.yaml:10:3 sink "hook": the secret \$\{KEY\} has 7 bytes; 24 are the least/);
    expect(refused.err).not.toContain("hunter2");
    const running = await listening(dev.start({}, "--no-sinks"));
    expect(await sinksOf(running)).toBeUndefined();
    running.signal("SIGTERM");
    expect(await running.ended()).toMatchObject({ code: 0 });
  });

  test.skipIf((postgresPrograms === undefined || redisProgram === undefined) && !process.env["CI"])(
    "[D73] keeps a table and read models equal to a query (needs postgresql and redis-server, Debian's packages)",
    async () => {
      const [postgres, redis] = [await startPostgres(), await startRedis()];
      onTestFinished(async () => void (await Promise.all([postgres.stop(), redis.stop()])));
      const dev = devOf(`  table: { from: by-country, postgres: { url: "\${PG}", table: countries, key: country } }
  models: { from: by-country, redis: { url: "\${REDIS}", prefix: "shop:", fields: { orders: orders, revenue: revenue.amount }, ttl: 1h } }
`);
      const running = await listening(dev.start({ PG: postgres.url, REDIS: redis.url }));
      const countries = ["France", "Spain", "France", "Italy", "France"];
      const tokens = await running.post(countries, () => `o-${Math.random()}`);
      const csv = await running.text(`/v1/queries/by-country?format=csv&after=${tokens.join(",")}`);
      const rows = csv.trim().split("\r\n").slice(1).toSorted();
      expect(rows).toEqual(["France,3,65.70", "Italy,1,21.90", "Spain,1,21.90"]);
      const client = new Client({ connectionString: postgres.url });
      await client.connect();
      const models = createClient({ url: redis.url }).on("error", () => undefined);
      await models.connect();
      const table = async (): Promise<string[]> =>
        (await client.query<{ row: string }>("SELECT concat_ws(',', country, orders, revenue) AS row FROM countries ORDER BY 1")).rows.map(
          ({ row }) => row,
        );
      await expect.poll(() => table().catch(() => []), wait).toEqual(rows);
      await expect.poll(async () => ({ ...(await models.hGetAll("shop:France")) }), wait).toEqual({ orders: "3", revenue: "65.70" });
      expect(await models.pTTL("shop:France")).toBeGreaterThan(3_000_000);
      await client.end();
      models.destroy();
      running.signal("SIGTERM");
      expect(await running.ended()).toMatchObject({ code: 0 });
    },
  );
});

type Mail = { readonly to: string; readonly subject: string; readonly text: string };

async function mailServer(): Promise<{ readonly port: number; readonly mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, session, settle) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const whole = Buffer.concat(parts).toString();
        const subject = /^Subject: (.*)$/m.exec(whole)![1]!.trim();
        mails.push({ to: session.envelope.rcptTo[0]!.address, subject, text: whole.slice(whole.indexOf("\r\n\r\n")).trim() });
        settle();
      });
    },
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", () => settle()));
  onTestFinished(() => new Promise<void>((settle) => server.close(() => settle())));
  return { port: (server.server.address() as { port: number }).port, mails };
}

/** SNS with a queue behind a topic; `countries` reads an attribute of what has arrived, each message once. */
async function queue(): Promise<{ readonly topic: string; readonly endpoint: string; readonly countries: () => Promise<string[]> }> {
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ port: 0, host: "127.0.0.1" });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const [sns, sqs] = [
    new SNSClient({ region: "eu-central-1", endpoint, credentials }),
    new SQSClient({ region: "eu-central-1", endpoint, credentials }),
  ];
  onTestFinished(async () => {
    sns.destroy();
    sqs.destroy();
    await app.close();
  });
  const topic = (await sns.send(new CreateTopicCommand({ Name: "orders" }))).TopicArn!;
  const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "all" }))).QueueUrl!;
  const asked = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: "sqs", Endpoint: asked.Attributes!["QueueArn"]! }));
  const found: string[] = [];
  return {
    topic,
    endpoint,
    countries: async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      for (const { Body } of Messages)
        found.push((JSON.parse(Body!) as { MessageAttributes: { country: { Value: string } } }).MessageAttributes.country.Value);
      return found.toSorted();
    },
  };
}
