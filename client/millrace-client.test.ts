import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { metricNames } from "../gateway/metrics.ts";
import { openTestGateway, type TestGateway, type TestOptions } from "../gateway/testing/test-gateway.ts";
import type { Appender } from "../engine/broker/broker.ts";
import { MillraceClient, type MillraceClientOptions, MillraceError } from "./mod.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function open(
  options: Partial<MillraceClientOptions> = {},
  gatewayOptions: TestOptions = {},
): Promise<{ readonly client: MillraceClient; readonly gateway: TestGateway }> {
  const gateway = await openTestGateway(gatewayOptions);
  closing.push(() => gateway.close());
  const client = new MillraceClient({
    url: `http://127.0.0.1:${gateway.port}`,
    key: "sk_test",
    backoff: { baseMs: 5, mostMs: 50 },
    ...options,
  });
  closing.push(() => client.close({ withinMs: 0 }));
  return { client, gateway };
}

const received = (sku: string) => ["inventory.received", { sku, quantity: 1, location: null }] as const;
const failure = async (promise: Promise<unknown>): Promise<MillraceError> => {
  const error: unknown = await promise.then(
    () => new Error("it did not fail"),
    (found: unknown) => found,
  );
  if (!(error instanceof MillraceError)) throw error;
  return error;
};

test("[N1] what was sent is on the log when its promise settles, with a token; twice under one id, once", async () => {
  const { client, gateway } = await open();
  const options = { eventId: "o-1", timestamp: new Date("2026-11-20T09:00:00Z"), correlationId: "c-1", metadata: { userId: "u-1" } };
  const order = {
    orderId: "o-1",
    customerId: "me",
    items: [{ sku: "a", quantity: 2, unitPrice: { amount: "10.95", currency: "GBP" } }],
    total: { amount: 21.9, currency: "GBP" },
    shippingAddress: { country: "Eire" },
    paymentMethod: { type: "card" },
  };
  const receipt = await client.send("order.created", order, options);
  expect(receipt).toMatchObject({ eventId: "o-1", status: "accepted", warnings: [] });
  const [stored] = await gateway.stored();
  expect(stored).toMatchObject({ token: receipt.token, key: "me", event: { eventId: "o-1", source: "storefront", correlationId: "c-1" } });
  expect(await client.send("order.created", order, options)).toMatchObject({ status: "duplicate", token: receipt.token });
  expect(await gateway.stored()).toHaveLength(1);
  const { eventId } = await client.send(
    "cart.item_added",
    { cartId: "c", sku: "a", quantity: 1, unitPrice: { amount: "1", currency: "EUR" } },
    { metadata: { sessionId: "s" } },
  );
  expect(eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("[N2] a refused event says code, place and what was meant, and holds up nobody", async () => {
  const { client, gateway } = await open();
  const misspelt = { sku: "a", quantty: 1 } as unknown as { sku: string; quantity: number };
  const [good, bad, after] = await Promise.allSettled([
    client.send(...received("a")),
    client.send("inventory.received", misspelt, { eventId: "bad" }),
    client.send(...received("a")),
  ]);
  expect([good.status, after.status]).toEqual(["fulfilled", "fulfilled"]);
  const { reason } = bad as { reason: MillraceError };
  expect(reason).toBeInstanceOf(MillraceError);
  expect(reason).toMatchObject({
    code: "schema_violation",
    pointer: "/data/quantty",
    didYouMean: "quantity",
    eventId: "bad",
    retryable: false,
  });
  expect(reason.message).toMatch(/^schema_violation: \/data\/quantty unknown field; did you mean "quantity"/);
  expect(reason.errors.length).toBeGreaterThan(0);
  expect(await gateway.stored()).toHaveLength(2);
  expect(await failure(client.send("order.shipped", { loop: 1n } as never))).toMatchObject({ code: "not_json" });
});

test("[N3] events travel together: so many, so many bytes, or as long as the first may wait", async () => {
  const { client, gateway } = await open({ batch: { events: 50, ms: 60_000 }, requests: 1 });
  const requests = async (): Promise<number> => {
    const text = await gateway.registry.metrics();
    return Number(new RegExp(`^${metricNames.requests}\\{status="200"\\} (\\d+)`, "m").exec(text)?.[1] ?? 0);
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.send(...received(`s-${i % 7}`))));
  expect(await requests()).toBe(2);
  const waiting = client.send(...received("alone"));
  await client.flush();
  expect((await waiting).status).toBe("accepted");
  expect(await requests()).toBe(3);
  const small = await open({ batch: { bytes: 1000, ms: 1 } });
  await Promise.all(Array.from({ length: 30 }, () => small.client.send(...received("a"))));
  expect((await small.gateway.stored()).length).toBe(30);
});

test("[N4] the memory is bounded: above it send refuses, room waits, and all of it comes through", async () => {
  const { client, gateway } = await open({ held: { events: 100 }, batch: { events: 20 } });
  const refused = Array.from({ length: 130 }, () => client.send(...received("a")).catch((error: MillraceError) => error.code));
  expect(client.heldEvents).toBe(100);
  expect(client.heldBytes).toBeGreaterThan(10_000);
  expect((await Promise.all(refused)).filter((code) => code === "buffer_full")).toHaveLength(30);
  const sent: Promise<unknown>[] = [];
  let most = 0;
  for (let i = 0; i < 1000; i++) {
    await client.room();
    sent.push(client.send(...received(`s-${i % 10}`)));
    most = Math.max(most, client.heldEvents);
  }
  await Promise.all(sent);
  expect(most).toBeLessThanOrEqual(100);
  expect([client.heldEvents, client.heldBytes, (await gateway.stored()).length]).toEqual([0, 0, 1100]);
});

test("[N5] a log that fails for some events in passing keeps their order", async () => {
  let appends = 0;
  const wrap = (appender: Appender): Appender => ({
    append: async (batches) => {
      const failing = batches.map(() => appends++ % 3 === 1);
      const answers = await appender.append(batches.filter((_, i) => !failing[i]));
      let next = 0;
      return batches.map((_, i) =>
        failing[i] ? { kind: "retry" as const, reason: "by the test", afterMs: 1 } : answers[next++]!,
      ) as Awaited<ReturnType<Appender["append"]>>;
    },
  });
  const { client, gateway } = await open({ batch: { events: 30 } }, { wrap });
  const ids = new Map<string, string[]>();
  await Promise.all(
    Array.from({ length: 600 }, (_, i) => {
      const sku = `s-${i % 12}`;
      const eventId = `e-${i}`;
      ids.set(sku, [...(ids.get(sku) ?? []), eventId]);
      return client.send("inventory.received", { sku, quantity: 1 }, { eventId });
    }),
  );
  const stored = Map.groupBy(await gateway.stored(), ({ key }) => key);
  for (const [sku, sent] of ids)
    expect(
      stored.get(sku)!.map(({ event }) => event.eventId),
      sku,
    ).toEqual(sent);
});

test("[N6] a batch that is too large is halved; an event that is too large alone is refused", async () => {
  const { client, gateway } = await open({ batch: { events: 1000, bytes: 10_000_000 } }, { limits: { events: 10 } });
  await Promise.all(Array.from({ length: 64 }, (_, i) => client.send(...received(`s-${i}`))));
  expect(await gateway.stored()).toHaveLength(64);
  const tiny = await open({}, { limits: { wireBytes: 400 } });
  const error = await failure(
    tiny.client.send("system.error", { code: "A", service: "x", message: "m".repeat(500), severity: "info" } as never),
  );
  expect(error).toMatchObject({
    code: "payload-too-large",
    status: 413,
    retryable: false,
    docs: expect.stringMatching(/^http:.*\/problems\/payload-too-large$/) as string,
  });
});

test("[N2] a wrong key, a wrong address, and what is no gateway are said so at once", async () => {
  const { client, gateway } = await open({ key: "wrong" });
  expect(await failure(client.send(...received("a")))).toMatchObject({ code: "invalid-credentials", status: 401, retryable: false });
  const other = createServer((_, response) => void response.writeHead(302, { location: "https://elsewhere.invalid/" }).end());
  await once(other.listen(0, "127.0.0.1"), "listening");
  const lost = new MillraceClient({ url: `http://127.0.0.1:${(other.address() as AddressInfo).port}/` });
  expect(await failure(lost.send(...received("a")))).toMatchObject({ code: "unexpected_answer", status: 302 });
  await new Promise((settle) => other.close(settle));
  expect(() => new MillraceClient({ url: "no address" })).toThrow(TypeError);
  expect(await gateway.stored()).toEqual([]);
});

test("[N7] closing sends what waits, then refuses; with a deadline it gives up, and says so", async () => {
  const { client, gateway } = await open({ batch: { ms: 60_000 } });
  const waiting = client.send(...received("a"));
  await client.close();
  expect((await waiting).status).toBe("accepted");
  expect(await failure(client.send(...received("a")))).toMatchObject({ code: "closed", retryable: false });
  expect(await gateway.stored()).toHaveLength(1);
  const away = new MillraceClient({ url: "http://127.0.0.1:1" });
  const lost = failure(away.send(...received("a")));
  await away.close({ withinMs: 50 });
  expect(await lost).toMatchObject({ code: "closed", retryable: true });
  expect(away.heldEvents).toBe(0);
  const impatient = new MillraceClient({ url: "http://127.0.0.1:1", giveUpAfterMs: 30, backoff: { baseMs: 1, mostMs: 10 } });
  expect(await failure(impatient.send(...received("a")))).toMatchObject({ code: "gave_up", retryable: true });
});
