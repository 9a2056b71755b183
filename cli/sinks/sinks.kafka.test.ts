import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RunProcess, temporaryFolder } from "../run/testing/run-process.ts";
import { openReceiver } from "./testing/receiver.ts";

const kafka = process.env["MILLRACE_KAFKA"];

describe.skipIf(kafka === undefined)("millrace run", { timeout: 240_000 }, () => {
  test("[D74][D76] processes share a sink's partitions; when one is killed the other delivers its share, nothing lost", async () => {
    const hook = await openReceiver();
    const folder = temporaryFolder();
    const name = `sinks-${randomBytes(6).toString("hex")}`;
    const file = join(folder, "sinks.yaml");
    writeFileSync(
      file,
      `topology: ${name}
nodes:
  by-country:
    from: business.orders.created
    key: data.shippingAddress.country
    aggregate: { orders: count() }
    to: analytics.${name}.by-country
sinks:
  hook: { from: by-country, webhook: { url: "\${HOOK}", body: { country: country, orders: orders } } }
`,
    );
    const start = (instance: string): RunProcess => {
      const args = [file, "--broker", `kafka://${kafka}`, "--session-timeout", "6s", "--port", "0", "--state", join(folder, instance)];
      return new RunProcess([...args, "--instance", `${name}-${instance}`], { HOOK: hook.url });
    };
    const countries = (run: string): string[] => Array.from({ length: 24 }, (_, i) => `${name}-${run}-${i}`);
    const arrived = (run: string): string[] =>
      [
        ...new Map(
          hook.requests.map(({ headers, body }) => [
            String(headers["webhook-id"]),
            JSON.parse(body) as { country: string; orders: number },
          ]),
        ).values(),
      ]
        .filter(({ country }) => country.startsWith(`${name}-${run}-`))
        .map(({ country, orders }) => `${country} ${orders}`)
        .toSorted();
    const once = (run: string): string[] =>
      countries(run)
        .map((country) => `${country} 1`)
        .toSorted();
    const a = await start("a").ready();
    await a.post(countries("one"), (country) => country);
    await expect.poll(() => arrived("one"), { timeout: 60_000 }).toEqual(once("one"));
    // Kafka's own id of the topic stands before each.
    expect(String(hook.requests[0]!.headers["webhook-id"])).toMatch(new RegExp(`^[\\w-]{22}/analytics\\.${name}\\.by-country/\\d+/\\d+$`));
    const b = await start("b").ready();
    const lags = async (process: RunProcess): Promise<number> =>
      (await process.text("/metrics")).split("\n").filter((line) => line.startsWith(`millrace_sink_lag_records{sink="hook"`)).length;
    await a.until(async () => (await lags(a)) === 6 && (await lags(b)) === 6, "the partitions of the sink are shared");
    await b.post(countries("two"), (country) => country);
    await expect.poll(() => arrived("two"), { timeout: 60_000 }).toEqual(once("two"));
    a.signal("SIGKILL");
    await a.ended();
    await b.post(countries("three"), (country) => country);
    await b.until(async () => (await lags(b)) === 12, "the other has its share");
    await expect.poll(() => arrived("three"), { timeout: 90_000 }).toEqual(once("three"));
    expect(((await (await b.get("/readyz")).json()) as { dependencies: { sinks: { detail: string } } }).dependencies.sinks.detail).toBe(
      "1 of 1 deliver",
    );
    b.signal("SIGTERM");
    expect(await b.ended()).toMatchObject({ code: 0 });
  });
});
