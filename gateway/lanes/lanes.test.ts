import { afterEach, expect, test, vi } from "vitest";
import type { Appender, AppendResult, RecordBatch } from "#engine/broker/broker.ts";
import { BrokerError } from "#engine/broker/broker-error.ts";
import { metricNames } from "../metrics.ts";
import { carted, viewed } from "../testing/sample-events.ts";
import { type Answered, openTestGateway, type TestGateway, type TestOptions } from "../testing/test-gateway.ts";

const opened: TestGateway[] = [];
async function open(options?: TestOptions): Promise<TestGateway> {
  const gateway = await openTestGateway(options);
  opened.push(gateway);
  return gateway;
}
afterEach(async () => {
  for (const gate of gates.splice(0)) gate.openForGood();
  for (const gateway of opened.splice(0)) await gateway.close();
});

/** Stands between a gateway and its log: each append waits at the gate until it is told how to go on. */
function gated(): GateKeeper {
  const keeper = createGateKeeper();
  gates.push(keeper);
  return keeper;
}
const gates: GateKeeper[] = [];
type GateKeeper = { wrap: (appender: Appender) => Appender; arrived: () => Promise<Gate>; openForGood: () => void };

function createGateKeeper(): GateKeeper {
  const waiting: Gate[] = [];
  const askers: ((gate: Gate) => void)[] = [];
  let forGood = false;
  return {
    wrap: (appender) => ({
      append(batches) {
        if (forGood) return appender.append(batches);
        return new Promise((resolve, reject) => {
          const gate: Gate = {
            batches,
            pass: () => appender.append(batches).then(resolve, reject),
            refuse: (which = () => true, more = {}) => {
              const good = batches.filter((batch) => !which(batch));
              return appender.append(good).then((results) => {
                const rest = [...results];
                resolve(
                  batches.map((batch): AppendResult =>
                    which(batch) ? { kind: "retry", afterMs: 300, reason: "refused", ...more } : rest.shift()!,
                  ),
                );
              }, reject);
            },
            fail: reject,
          };
          const asker = askers.shift();
          if (asker) asker(gate);
          else waiting.push(gate);
        });
      },
    }),
    arrived: () => (waiting.length > 0 ? Promise.resolve(waiting.shift()!) : new Promise((resolve) => askers.push(resolve))),
    openForGood: () => {
      forGood = true;
      for (const gate of waiting.splice(0)) void gate.pass();
    },
  };
}
type Gate = {
  readonly batches: readonly RecordBatch[];
  readonly pass: () => Promise<void>;
  readonly refuse: (which?: (batch: RecordBatch) => boolean, more?: { readonly uncertain?: true }) => Promise<void>;
  readonly fail: (error: unknown) => void;
};

const codes = (answer: Answered): string[] => answer.json!.results!.map(({ status, code }) => code ?? status);
const idsOf = async (gateway: TestGateway): Promise<string[]> => (await gateway.stored()).map(({ event }) => event.eventId);

/** Waits until this many records are on their way to the log. */
async function waiting(gateway: TestGateway, records: number): Promise<void> {
  await vi.waitFor(async () => {
    const metric = await gateway.registry.getSingleMetric(metricNames.waitingRecords)!.get();
    expect(metric.values[0]!.value).toBe(records);
  }, 10_000);
}

test("[G7] what waits from many requests goes into one append while another is in flight", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  const first = gateway.post(viewed("first"));
  const inFlight = await gate.arrived();
  const others = Array.from({ length: 20 }, (_, i) =>
    gateway.post([viewed(`a${i}`, { session: `s${i}` }), viewed(`b${i}`, { session: `s${i}` })]),
  );
  await waiting(gateway, 41);
  await inFlight.pass();
  const second = await gate.arrived();
  expect(second.batches.reduce((sum, { count }) => sum + count, 0)).toBe(40);
  await second.pass();
  expect((await Promise.all([first, ...others])).map(({ status }) => status)).toEqual(Array.from({ length: 21 }, () => 200));
});

test("[G7] an event that the log did not take gives back all later ones of its key, and none of another's", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  const first = gateway.post([viewed("k1", { session: "k" }), viewed("k2", { session: "k" }), viewed("other", { session: "o" })]);
  const inFlight = await gate.arrived();
  const later = gateway.post([viewed("k3", { session: "k" }), carted("k4", { session: "k" }), viewed("o2", { session: "o" })]);
  await waiting(gateway, 6);
  const [failing] = inFlight.batches;
  await inFlight.refuse((batch) => batch === failing);
  expect(codes(await first)).toEqual(["log_unavailable", "blocked_by_predecessor", "accepted"]);
  expect((await first).headers["retry-after"]).toBe("1");
  await (await gate.arrived()).pass();
  expect(codes(await later)).toEqual(["blocked_by_predecessor", "blocked_by_predecessor", "accepted"]);
  // The lane is open again at once.
  gate.openForGood();
  expect(codes(await gateway.post(["k1", "k2", "k3"].map((id) => viewed(id, { session: "k" }))))).toEqual([
    "accepted",
    "accepted",
    "accepted",
  ]);
  expect(await idsOf(gateway)).toEqual(["other", "o2", "k1", "k2", "k3"]);
});

test("[G7] where a log stores a part of an append, each topic's part is answered for itself, and the order of all stays that of arrival", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  const answer = gateway.post([viewed("v1"), carted("c1"), viewed("v2"), viewed("x", { session: "s-2" }), carted("c2")]);
  const next = await gate.arrived();
  expect(next.batches.map(({ topic }) => topic)).toContain("business.carts.item-added");
  await next.refuse(({ topic }) => topic === "business.carts.item-added");
  expect(codes(await answer)).toEqual(["accepted", "log_unavailable", "accepted", "accepted", "blocked_by_predecessor"]);
  gate.openForGood();
  expect(await idsOf(gateway)).toEqual(["v1", "v2", "x"]);
});

test("[G30] events of which the log does not know whether it has them are unknown (504), not refused; what was not sent yet is", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  const post = (id: string): Promise<Answered> => gateway.post([viewed(`${id}1`), viewed(`${id}2`), viewed(`${id}3`, { session: "s-2" })]);
  const answer = post("a");
  const sent = await gate.arrived();
  const later = gateway.post(viewed("later"));
  await waiting(gateway, 4);
  await sent.refuse((batch) => batch === sent.batches[0], { uncertain: true });
  expect((await answer).status).toBe(504);
  expect((await answer).json!.type).toBe("/problems/ack-timeout");
  expect(codes(await answer)).toEqual(["ack_timeout", "ack_timeout", "accepted"]);
  expect([(await later).status, codes(await later)]).toEqual([503, ["blocked_by_predecessor"]]);
  // What is unknown is not remembered as stored.
  gate.openForGood();
  expect(codes(await post("a"))).toEqual(["accepted", "accepted", "duplicate"]);
});

test("[G7] a log that is closed, or throws anything at all, costs a retry and never the process", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  for (const error of [new BrokerError("BROKER_IO", "disk gone"), new Error("a bug"), "not even an error"]) {
    const answer = gateway.post([viewed("a"), viewed("b")]);
    (await gate.arrived()).fail(error);
    expect((await answer).status).toBe(503);
    expect((await answer).json!.type).toBe("/problems/log-unavailable");
    expect(codes(await answer)).toEqual(["log_unavailable", "blocked_by_predecessor"]);
  }
  gate.openForGood();
  expect((await gateway.post([viewed("a"), viewed("b")])).status).toBe(200);
  await gateway.broker.close();
  const closed = await gateway.post(viewed("c"));
  expect(closed.status).toBe(503);
  expect(Number(closed.headers["retry-after"])).toBeGreaterThanOrEqual(1);
});

test("[G7] a topic that the log lacks costs its own events only", async () => {
  const gateway = await open({ partitions: new Map([["business.carts.item-added", 1]]), wrap: (appender) => moved(appender) });
  const answer = await gateway.post([viewed("v"), carted("c", { session: "s-2" }), viewed("w")]);
  expect(codes(answer)).toEqual(["accepted", "log_unavailable", "accepted"]);
  expect(await idsOf(gateway)).toEqual(["v", "w"]);
});

/** The same log, but that one topic has a name that it does not know. */
const moved = (appender: Appender): Appender => ({
  append: (batches) =>
    appender.append(batches.map((batch) => (batch.topic === "business.carts.item-added" ? { ...batch, topic: "unknown" } : batch))),
});

test("[G8] a second copy waits for the first and is a duplicate; a failed first makes it a retry", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  const both = gateway.post([viewed("a"), viewed("a"), { ...viewed("a"), source: "storefront-us" }]);
  await (await gate.arrived()).refuse();
  expect(codes(await both)).toEqual(["log_unavailable", "log_unavailable", "blocked_by_predecessor"]);
  const first = gateway.post(viewed("a"));
  const inFlight = await gate.arrived();
  const second = gateway.post([viewed("a"), viewed("b")]);
  await waiting(gateway, 2);
  await inFlight.pass();
  const { token } = (await first).json!.results![0]!;
  gate.openForGood();
  await (await Promise.race([gate.arrived(), second.then(() => undefined)]))?.pass();
  expect((await second).json!.results![0]).toMatchObject({ status: "duplicate", token });
  const third = await gateway.post(viewed("a"));
  expect(third.status).toBe(200);
  expect(third.headers["ingest-result"]).toBe("accepted=0, duplicate=1, rejected=0, retry=0");
  expect(third.json!.results![0]).toMatchObject({ status: "duplicate", token });
  expect(Date.parse(third.json!.results![0]!.firstReceivedAt!)).toBeGreaterThan(0);
  expect(await idsOf(gateway)).toEqual(["a", "b"]);
});

test("[G8] with the table off every copy is stored, in order", async () => {
  const gateway = await open({ duplicates: { on: false } });
  expect(codes(await gateway.post([viewed("a"), viewed("a")]))).toEqual(["accepted", "accepted"]);
  expect(codes(await gateway.post(viewed("a")))).toEqual(["accepted"]);
  expect(await idsOf(gateway)).toEqual(["a", "a", "a"]);
});

test("[G8] an id is forgotten after its window, and then stored again", async () => {
  let now = 1_795_000_000_000;
  const gateway = await open({ nowMs: () => now, duplicates: { on: true, withinMs: 1000 } });
  expect(codes(await gateway.post(viewed("a")))).toEqual(["accepted"]);
  now += 999;
  expect(codes(await gateway.post(viewed("a")))).toEqual(["duplicate"]);
  now += 1;
  expect(codes(await gateway.post(viewed("a")))).toEqual(["accepted"]);
});

test("[G16] when the log is silent the answer is 504, the event is stored once all the same, and sent again it is a duplicate", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap, limits: { ackDeadlineMs: 100 } });
  const answer = gateway.post([viewed("a"), { ...viewed("bad"), data: {} }]);
  const inFlight = await gate.arrived();
  expect((await answer).status).toBe(504);
  expect((await answer).json!.type).toBe("/problems/ack-timeout");
  expect(codes(await answer)).toEqual(["ack_timeout", "schema_violation"]);
  expect((await answer).headers["ingest-result"]).toBe("accepted=0, duplicate=0, rejected=1, retry=1");
  const again = gateway.post(viewed("a"));
  await inFlight.pass();
  gate.openForGood();
  expect(codes(await again)).toEqual(["duplicate"]);
  expect(await idsOf(gateway)).toEqual(["a"]);
});

test("[G17] above the bound of waiting bytes a request is refused before its body is read, and let in again when the log has caught up", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap, limits: { waitingBytes: 3_500 } });
  const held = gateway.post(Array.from({ length: 12 }, (_, i) => viewed(`a${i}`)));
  const inFlight = await gate.arrived();
  await waiting(gateway, 12);
  const refused = await gateway.post(viewed("b"));
  expect(refused.status).toBe(503);
  expect(refused.json!.type).toBe("/problems/temporary-reduced-capacity");
  expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  await inFlight.pass();
  expect((await held).status).toBe(200);
  gate.openForGood();
  expect((await gateway.post(viewed("b"))).status).toBe(200);
});

test("[G18] draining finishes what was let in, refuses what comes, and settles when the log has it all", async () => {
  const gate = gated();
  const gateway = await open({ wrap: gate.wrap });
  const held = gateway.post(viewed("a"));
  const inFlight = await gate.arrived();
  let closed = false;
  const closing = gateway.gateway.close().then(() => (closed = true));
  const refused = await gateway.post(viewed("b"));
  expect(refused.status).toBe(503);
  expect(refused.json!.type).toBe("/problems/draining");
  expect(refused.headers.connection).toBe("close");
  expect((await gateway.send({ path: "/readyz" })).status).toBe(503);
  expect((await gateway.send({ path: "/livez" })).status).toBe(200);
  expect(closed).toBe(false);
  gate.openForGood();
  await inFlight.pass();
  expect((await held).status).toBe(200);
  await closing;
  expect(await idsOf(gateway)).toEqual(["a"]);
});
