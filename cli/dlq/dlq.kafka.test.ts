import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { RunProcess, temporaryFolder } from "../run/testing/run-process.ts";
import { askDlq, countLetters, type LetterCounts } from "./testing/ask-dlq.ts";

const kafka = process.env["MILLRACE_KAFKA"];
const describeKafka = describe.skipIf(kafka === undefined);
const withinMs = { timeout: 90_000, interval: 100 };

/** A topology on the tests' cluster, whose first node has a bug until it is mended; others post to its topics and leave letters there too. */
class House {
  readonly name = `dlq-${randomBytes(6).toString("hex")}`;
  readonly node = `${this.name}-orders`;
  private readonly folder = temporaryFolder();
  private posted = 0;

  start(instance: string, atLeast: 1 | 2, env: Readonly<Record<string, string>> = {}): Promise<RunProcess> {
    const file = join(this.folder, "shop.yaml");
    writeFileSync(
      file,
      `topology: ${this.name}
nodes:
  ${this.node}:
    from: business.orders.created
    dedupe: { by: eventId, within: 24h }
    require: { that: "!data.orderId.startsWith('${this.name}') || size(data.items) >= ${atLeast}", reason: too-few-items }
  arrived: { from: business.orders.created, dedupe: { by: eventId, within: 24h } }
  passed-by-country: { from: ${this.node}, key: data.shippingAddress.country, aggregate: { orders: count() } }
  arrived-by-country: { from: arrived, key: data.shippingAddress.country, aggregate: { orders: count() } }
`,
    );
    const args = [file, "--broker", `kafka://${kafka}`, "--session-timeout", "60s", "--port", "0"];
    const here = ["--state", join(this.folder, instance), "--instance", `${this.name}-${instance}`];
    return new RunProcess([...args, ...here], env).ready();
  }

  async post(at: RunProcess, count: number): Promise<void> {
    await at.post(
      Array.from({ length: count }, () => this.name),
      () => `${this.name}-${this.posted++}`,
    );
  }

  async counted(at: RunProcess, by: "passed" | "arrived"): Promise<number> {
    const csv = await at.text(`/v1/queries/${by}-by-country.csv?country=${this.name}`);
    const row = csv.split("\r\n").find((line) => line.startsWith(this.name));
    return row === undefined ? 0 : Number(row.split(",").at(-1));
  }

  letters(at: RunProcess): Promise<LetterCounts> {
    return countLetters(at.url, "--node", this.node);
  }
}

const settledBy = (out: string): number => Number(/^(\d+) letters? redriven\n/.exec(out)![1]);

describeKafka("millrace dlq on Kafka", { timeout: 400_000 }, () => {
  test("[RD1] [RD6] [RD7] list and show, from any process; redriven by two at once, each letter comes back once; a drop is recorded", async () => {
    const house = new House();
    let [a, b] = await Promise.all([house.start("a", 2), house.start("b", 2)]);
    await house.post(a, 12);
    for (const one of [a, b]) await expect.poll(() => house.letters(one), withinMs).toEqual({ open: 12, redriven: 0, dropped: 0 });
    const list = await askDlq(b.url, "list", "--node", house.node, "--reason", "too-few-items", "--from=-10m");
    expect(list).toMatchObject({ code: 0, err: "" });
    expect(list.out).toMatch(/^topic +node +reason +open +redriven +dropped +newest\n\S+\.dlq +\S+-orders +too-few-items +12 +0 +0 /);
    const names = [...list.out.matchAll(/^(\S+\.dlq\/\d+\/\d+) /gm)].map(([, name]) => name!);
    expect(names).toHaveLength(12);
    const shown = await askDlq(a.url, "show", names[0]!);
    expect(shown.out).toMatch(/reason: +too-few-items\n/);
    expect(shown.out).toMatch(/state: +open\n/);
    expect(shown.out).toContain(`  dlq.group: ${house.name}-consumer-group\n`);
    expect(shown.out).toContain(`"orderId": "${house.name}-`);
    expect((await askDlq(a.url, "show", `${names[0]!}999`)).err).toMatch(/^DLQ_REFUSED there is no letter /);
    // What the live page asks before it shows its buttons.
    expect(await (await a.get(`/v1/dead-letters/summary?node=${house.node}`)).json()).toMatchObject({ settling: true });
    expect(await askDlq(b.url, "drop", names[4]!, "--why", "a test")).toMatchObject({ code: 0, out: "1 letter dropped\n" });
    expect((await askDlq(a.url, "show", names[4]!)).out).toMatch(/state: +dropped \S+ by ann \(loopback\): a test\n/);
    expect(await askDlq(a.url, "redrive", "--node", house.node, "--dry-run")).toMatchObject({ out: "11 letters would be redriven\n" });
    for (const one of [a, b]) one.signal("SIGTERM");
    for (const one of [a, b]) expect((await one.ended()).code).toBe(0);

    // The bug is mended: the same instances, another file.
    [a, b] = await Promise.all([house.start("a", 1), house.start("b", 1)]);
    const both = await Promise.all([a, b].map((one) => askDlq(one.url, "redrive", "--node", house.node)));
    expect(both.map(({ err }) => err)).toEqual(["", ""]);
    expect(settledBy(both[0]!.out) + settledBy(both[1]!.out)).toBe(11);
    for (const one of [a, b]) await expect.poll(() => house.counted(one, "passed"), withinMs).toBe(11);
    const again = await askDlq(b.url, "redrive", names[0]!, names[4]!);
    expect(again.code).toBe(1);
    expect(again.out).toMatch(/^0 letters redriven\n1 not redriven: already-redriven .*\n1 not redriven: already-dropped /);
    // Who had them before does not see them again.
    await house.post(b, 1);
    await expect.poll(() => house.counted(a, "passed"), withinMs).toBe(12);
    await expect.poll(() => house.counted(a, "arrived"), withinMs).toBe(13);
    for (const one of [a, b]) expect(await house.letters(one)).toEqual({ open: 0, redriven: 11, dropped: 1 });
    const { letters } = (await (await a.get(`/v1/dead-letters?node=${house.node}&state=settled&limit=20`)).json()) as Shown;
    expect(letters).toHaveLength(12);
    expect(letters).toContainEqual(
      expect.objectContaining({ settled: expect.objectContaining({ kind: "redriven", by: "ann", key: "loopback" }) as object }),
    );
    for (const one of [a, b]) one.signal("SIGTERM");
    for (const one of [a, b]) expect((await one.ended()).code).toBe(0);
  });

  test("[RD1] [RD4] two processes redrive, one of them killed again and again in the midst of it: every letter comes back once", async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const house = new House();
    const orders = 6000;
    const first = await house.start("a", 2);
    for (let at = 0; at < orders; at += 1000) await house.post(first, 1000);
    await expect.poll(() => house.letters(first), withinMs).toMatchObject({ open: orders });
    first.signal("SIGTERM");
    await first.ended();
    const stays = await house.start("b", 1);
    for (let kills = 0; kills < 3; kills++) {
      const dies = await house.start("a", 1);
      const before = await house.letters(stays);
      const asked = [dies, stays].map((one) => askDlq(one.url, "redrive", "--node", house.node, "--limit", "1500").catch(() => undefined));
      await expect.poll(async () => (await house.letters(stays)).redriven, { ...withinMs, interval: 5 }).toBeGreaterThan(before.redriven);
      await new Promise((settle) => setTimeout(settle, random.between(1, 100)));
      dies.signal("SIGKILL");
      await Promise.all([...asked, dies.ended()]);
    }
    expect(await askDlq(stays.url, "redrive", "--node", house.node)).toMatchObject({ code: 0 });
    expect({ seed, ...(await house.letters(stays)) }).toEqual({ seed, open: 0, redriven: orders, dropped: 0 });
    const last = await house.start("a", 1);
    // What came twice would be counted by then: it lies before this one.
    await house.post(last, 24);
    await expect.poll(() => house.counted(last, "arrived"), withinMs).toBe(orders + 24);
    await expect.poll(() => house.counted(stays, "passed"), withinMs).toBe(orders + 24);
    expect(await askDlq(last.url, "redrive", "--node", house.node)).toMatchObject({ code: 0, out: "0 letters redriven\n" });
  });

  test("[RD7] who has no key changes nothing", async () => {
    const house = new House();
    const { url } = await house.start("a", 1, { MILLRACE_KEY: "secret" });
    const { err } = await askDlq(url, "redrive", "--node", house.node);
    expect(err).toMatch(/^DLQ_NOT_ALLOWED .*--key, or MILLRACE_KEY/);
    expect((await askDlq(url, "redrive", "--node", house.node, "--key", "secret")).out).toBe("0 letters redriven\n");
  });
});

type Shown = { readonly letters: readonly object[] };
