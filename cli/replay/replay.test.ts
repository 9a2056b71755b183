import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { shippedMonth } from "./command.ts";
import { type ReplayHost, type ReplayOptions, runReplay } from "./replay.ts";
import type { ReplayReport } from "./report.ts";
import { csvFile, row, temporaryFile } from "./testing/csv-file.ts";
import { HandClock } from "./testing/hand-clock.ts";
import { type Mood, moodyServer, type MoodyServer } from "./testing/moody-server.ts";
import { plainReplay } from "./testing/plain-replay.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

type Run = { report: ReplayReport; said: string[]; clock: HandClock };

async function replay(
  server: MoodyServer,
  options: Partial<ReplayOptions> = {},
  host: Partial<ReplayHost> & { clock?: HandClock } = {},
): Promise<Run> {
  const said: string[] = [];
  const clock = host.clock ?? new HandClock();
  const report = await runReplay(
    { ...plainReplay, files: [shippedMonth], to: server.url, ...options },
    { signal: new AbortController().signal, say: (line) => said.push(line), random: () => 0.5, ...host, clock },
  );
  return { report, said, clock };
}

/** The order of each key's events, whatever stands between them. */
function perKey(server: MoodyServer): Map<string, string[]> {
  const grouped = Map.groupBy(server.stored, ({ key }) => key);
  return new Map([...grouped].map(([key, events]) => [key, events.map(({ eventId }) => eventId)]));
}

const invoices = (count: number): string[] =>
  Array.from({ length: count }, (_, i) =>
    row({ invoice: `${i}`, customer: `${i % 7}.0`, date: `2011-04-01 08:${String(i % 60).padStart(2, "0")}:00` }),
  );

describe("[P14] posting", () => {
  test("one request at a time, at most 1,000 events and less than 1 MiB each, in order", async () => {
    const server = await moodyServer();
    const { report } = await replay(server, { openingStock: 10 });
    expect(report.events).toMatchObject({ accepted: server.stored.length, duplicates: 0, rejected: 0 });
    expect(server.busiest).toBe(1);
    expect(Math.max(...server.requests.map(({ events }) => events.length))).toBe(1000);
    expect(Math.max(...server.requests.map(({ bytes }) => bytes))).toBeLessThan(1_048_576);
    expect(server.requests.some(({ bytes }) => bytes > 900_000)).toBe(true);
    const times = server.stored.map(({ timestamp }) => timestamp);
    expect(times).toEqual(times.toSorted());
    expect(report.rows).toMatchObject({ read: 29_916, accepted: 29_916 });
    expect(Object.values(report.events.byType).reduce((sum, number) => sum + number, 0)).toBe(server.stored.length);
  });

  test("--batch bounds the events of a request; the key is sent", async () => {
    const server = await moodyServer();
    const { report } = await replay(server, { files: [csvFile(...invoices(10))], batch: 4, key: "sk_1" });
    expect(server.requests.map(({ events }) => events.length)).toEqual([4, 4, 4, 4, 4, 4, 4, 2]);
    expect(report.requests).toBe(8);
    expect(server.requests[0]!.headers.authorization).toBe("Bearer sk_1");
  });

  test("an event that alone is larger than a request may be is sent alone", async () => {
    const server = await moodyServer();
    const wide = Array.from({ length: 2500 }, (_, i) => row({ sku: `S${i}`, description: "X".repeat(400) }));
    await replay(server, { files: [csvFile(row({ invoice: "1" }), ...wide, row({ invoice: "2" }))] });
    const sizes = server.requests.map(({ events }) => events.map(({ eventType }) => eventType));
    expect(sizes[1]).toEqual(["order.created"]);
    expect(server.stored).toHaveLength(9);
  });
});

test("[P8] a replay twice is a replay once", async () => {
  const server = await moodyServer();
  const first = await replay(server, { openingStock: 50 });
  const again = await replay(server, { openingStock: 50 });
  expect(first.report.events.accepted).toBe(server.stored.length);
  expect(again.report.events).toMatchObject({ accepted: 0, duplicates: server.stored.length, rejected: 0 });
});

describe("[P15] what the server asks for again", () => {
  test("is sent again alone, in order, before anything later, after the time that the server asks for", async () => {
    const server = await moodyServer();
    server.mood = (request) => (request === 0 ? { kind: "retry", keys: (key) => key === "3", retryAfterMs: 700 } : { kind: "good" });
    const { report, clock, said } = await replay(server, { files: [csvFile(...invoices(60))], batch: 30 });
    const [first, second, third] = server.requests;
    expect(second!.events).toEqual(first!.events.filter(({ key }) => key === "3"));
    expect(third!.events).toHaveLength(30);
    expect(clock.slept[0]).toBeGreaterThanOrEqual(700);
    expect(report.events).toMatchObject({ accepted: 180, duplicates: 0, rejected: 0 });
    expect(report.resent).toBe(second!.events.length);
    expect(said).toEqual([]);
  });

  test("also when it asks for the same events many times", async () => {
    const server = await moodyServer();
    server.mood = (request) => (request < 9 ? { kind: "retry", keys: (_, place) => place >= 2 } : { kind: "good" });
    const { report } = await replay(server, { files: [csvFile(...invoices(20))] });
    expect(report.events).toMatchObject({ accepted: 60, duplicates: 0 });
    expect(server.stored.map(({ eventId }) => eventId)).toEqual(server.requests[0]!.events.map(({ eventId }) => eventId));
  });
});

describe("[P16] a server that is away", () => {
  test("is waited for, with longer waits up to five seconds; the user is told once, and when it goes on", async () => {
    const server = await moodyServer();
    await server.stop();
    const clock = new HandClock();
    clock.onSleep = async (wait) => {
      if (wait === 12) await server.start();
    };
    const { report, said } = await replay(server, { files: [csvFile(...invoices(5))] }, { clock });
    expect(report.events).toMatchObject({ accepted: 15, duplicates: 0 });
    expect(said).toEqual([expect.stringMatching(/^waiting for http:.*ECONNREFUSED/), expect.stringMatching(/^going on after \d+\.\d s$/)]);
    expect(clock.slept).toEqual(clock.slept.toSorted((a, b) => a - b));
    expect(clock.slept.at(-1)).toBe(3750);
    expect(report.waitedSeconds).toBeCloseTo(clock.slept.reduce((sum, ms) => sum + ms, 0) / 1000);
  });

  test.each<[what: string, mood: Mood]>([
    ["breaks the connection", { kind: "break" }],
    ["breaks it in the middle of its answer", { kind: "store-and-break" }],
    ["answers no JSON", { kind: "status", status: 200, body: "<html>" }],
    ["answers 500", { kind: "status", status: 500, body: "oops" }],
    ["answers 503", { kind: "status", status: 503 }],
    ["answers 504", { kind: "status", status: 504 }],
    ["answers 429", { kind: "status", status: 429 }],
    ["answers 408", { kind: "status", status: 408 }],
  ])("%s: every event arrives once, in order", async (_, mood) => {
    const server = await moodyServer();
    server.mood = (request) => (request % 3 === 2 ? { kind: "good" } : mood);
    const { report } = await replay(server, { files: [csvFile(...invoices(100))], batch: 50 });
    expect(report.events.accepted + report.events.duplicates).toBe(300);
    expect(server.stored).toHaveLength(300);
    const wanted = await moodyServer();
    await replay(wanted, { files: [csvFile(...invoices(100))] });
    expect(server.stored).toEqual(wanted.stored);
  });

  test("Retry-After is obeyed, in seconds and as a date", async () => {
    const server = await moodyServer();
    const clock = new HandClock();
    const date = new Date(clock.now() + 60_000).toUTCString();
    server.mood = (request) => (request < 2 ? { kind: "status", status: 503, retryAfter: request === 0 ? "20" : date } : { kind: "good" });
    await replay(server, { files: [csvFile(...invoices(1))] }, { clock });
    expect(clock.slept[0]).toBeGreaterThanOrEqual(20_000);
    expect(clock.slept[0]! + clock.slept[1]!).toBeGreaterThanOrEqual(60_000);
  });

  test("whatever fails in whatever order, nothing is lost or doubled and the order of every key is kept", async () => {
    console.log(`SEED=${seed}`);
    let state = seed;
    const dice = (sides: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (state >>> 8) % sides;
    };
    const server = await moodyServer();
    server.mood = () => {
      const moods: Mood[] = [
        { kind: "good" },
        { kind: "good" },
        { kind: "break" },
        { kind: "store-and-break" },
        { kind: "status", status: 503 },
        { kind: "retry", keys: () => dice(20) === 0 },
        { kind: "retry", keys: () => dice(2) === 0, retryAfterMs: 5 },
        { kind: "status", status: 413 },
      ];
      return moods[dice(moods.length)]!;
    };
    const clock = new HandClock();
    clock.onSleep = async () => {
      if (dice(20) !== 0) return;
      await server.stop();
      await server.start();
    };
    // Single events are never too large: 413 for one would drop it.
    const moody = server.mood;
    server.mood = (request, events) => {
      const mood = moody(request, events);
      return events.length === 1 && mood.kind === "status" && mood.status === 413 ? { kind: "good" } : mood;
    };
    const { report } = await replay(server, { openingStock: 5, batch: 300 }, { clock });
    const wanted = await moodyServer();
    await replay(wanted, { openingStock: 5 });
    expect(report.events.accepted + report.events.duplicates).toBe(wanted.stored.length);
    expect(server.stored).toHaveLength(wanted.stored.length);
    expect(perKey(server)).toEqual(perKey(wanted));
    expect(server.busiest).toBe(1);
  });
});

describe("[P17] what the server will not take", () => {
  test("is reported with code and pointer, and the replay goes on", async () => {
    const server = await moodyServer();
    server.mood = () => ({ kind: "reject", ids: ({ eventId }) => eventId.startsWith("3.") });
    const rejects = join(temporaryFile(""), "..", "rejects.ndjson");
    const file = csvFile(...invoices(5), row({ price: -1 }));
    const { report } = await replay(server, { files: [file], rejects });
    expect(report.events).toMatchObject({ accepted: 12, rejected: 3 });
    const lines = readFileSync(rejects, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toEqual({ kind: "row", file, line: 7, reason: "negative-price", text: row({ price: -1 }) });
    expect(lines[1]).toMatchObject({
      kind: "event",
      file,
      line: 5,
      eventType: "order.created",
      code: "schema_violation",
      pointer: "/data",
      detail: "no",
    });
    expect(lines[1]).toMatchObject({ event: { data: { orderId: "3" } } });
  });

  test("too large a batch is halved; too large an event is rejected", async () => {
    const server = await moodyServer();
    server.mood = (_, events) => {
      const large = events.length > 4 || events.some(({ eventType, key }) => eventType === "payment.authorized" && key === "card-2");
      return large ? { kind: "status", status: 413, body: '{"title":"too large"}' } : { kind: "good" };
    };
    const { report } = await replay(server, { files: [csvFile(...invoices(3))] });
    expect(server.requests.map(({ events }) => events.length)).toEqual([9, 4, 5, 2, 3, 1, 2, 1, 1]);
    expect(report.events).toMatchObject({ accepted: 8, rejected: 1 });
    expect(perKey(server).get("card-2")).toHaveLength(1);
  });

  test.each([400, 401, 403, 404, 405, 410, 415, 422, 301])("answer %i ends the replay", async (status) => {
    const server = await moodyServer();
    server.mood = () => ({ kind: "status", status, body: '{"title":"no","detail":"not you"}' });
    const error = { code: "REPLAY_REFUSED_BY_SERVER", message: expect.stringContaining(`answers ${status}: no: not you`) as string };
    await expect(replay(server, { files: [csvFile(row())] })).rejects.toMatchObject(error);
    expect(server.requests).toHaveLength(1);
  });
});

describe("[P12] speed", () => {
  test("event time runs as many times as fast as the clock", async () => {
    const server = await moodyServer();
    const clock = new HandClock();
    const started = clock.now();
    const file = csvFile(
      ...[0, 0, 1, 7, 30].map((minute, i) => row({ invoice: `${i}`, date: `2011-04-01 09:${String(minute).padStart(2, "0")}:00` })),
    );
    const { report } = await replay(server, { files: [file], speed: 60 }, { clock });
    expect(server.requests.map(({ events }) => events.length)).toEqual([6, 3, 3, 3]);
    expect(clock.now() - started).toBe(30_000);
    expect(report.seconds).toBe(30);
  });

  test("waiting for the server moves the rest on", async () => {
    const server = await moodyServer();
    server.mood = (request) => (request === 0 ? { kind: "status", status: 503, retryAfter: "100" } : { kind: "good" });
    const file = csvFile(
      row({ invoice: "1" }),
      row({ invoice: "2", date: "2011-04-01 08:40:00" }),
      row({ invoice: "3", date: "2011-04-01 08:50:00" }),
    );
    const { clock } = await replay(server, { files: [file], speed: 60 });
    expect(clock.slept.at(-1)).toBeGreaterThan(9000);
  });
});

describe("[P13] --stamp now", () => {
  test("events have the time of sending, gaps are cut to two seconds, and it begins again with new ids", async () => {
    const server = await moodyServer();
    const clock = new HandClock();
    const started = clock.now();
    const stop = new AbortController();
    const file = csvFile(
      row({ invoice: "1" }),
      row({ invoice: "2", date: "2011-04-01 09:30:00" }),
      row({ invoice: "3", date: "2011-04-02 08:30:00" }),
    );
    server.mood = (request) => {
      if (request === 6) stop.abort();
      return { kind: "good" };
    };
    const { report } = await replay(
      server,
      { files: [file], stamp: "now", speed: 3600, repeat: Number.POSITIVE_INFINITY },
      { clock, signal: stop.signal },
    );
    const times = server.requests.map(({ events }) => Date.parse(events[0]!.timestamp) - started);
    expect(times).toEqual([0, 1000, 3000, 5000, 6000, 8000, 10_000]);
    expect(new Set(server.stored.map(({ eventId }) => eventId)).size).toBe(21);
    expect(report.interrupted).toBe(true);
    const keys = server.stored.filter(({ eventType }) => eventType === "order.created").map(({ key }) => key);
    expect(keys).toEqual(["17850", "17850", "17850", "17850~1", "17850~1", "17850~1", "17850~2"]);
  });

  test("a second run is new, and --repeat ends it", async () => {
    const server = await moodyServer();
    const clock = new HandClock();
    const options = { files: [csvFile(...invoices(4))], stamp: "now", repeat: 2 } as const;
    await replay(server, options, { clock });
    await clock.sleep(1000, new AbortController().signal);
    const { report } = await replay(server, options, { clock });
    expect(report.events).toMatchObject({ accepted: 24, duplicates: 0 });
    expect(server.stored).toHaveLength(48);
  });
});

describe("[P19] ending early", () => {
  test("the request under way gets its answer, and the report says what was posted", async () => {
    const server = await moodyServer();
    const stop = new AbortController();
    server.mood = (request) => {
      if (request === 1) stop.abort();
      return { kind: "good" };
    };
    const { report } = await replay(server, { batch: 100 }, { signal: stop.signal });
    expect(report).toMatchObject({ interrupted: true, requests: 2, events: { accepted: 200 } });
  });

  test("a wait for a server that is away ends too", async () => {
    const server = await moodyServer();
    await server.stop();
    const stop = new AbortController();
    const clock = new HandClock();
    clock.onSleep = (wait) => {
      if (wait === 5) stop.abort();
    };
    const { report } = await replay(server, {}, { signal: stop.signal, clock });
    expect(report).toMatchObject({ interrupted: true, events: { accepted: 0 } });
  });
});

test("[P10] files that are not in the order of time cannot be repeated", async () => {
  const server = await moodyServer();
  const files = [csvFile(row({ date: "2011-05-01 08:00:00" })), csvFile(row({ invoice: "1" }))];
  await expect(replay(server, { files, repeat: 2 })).rejects.toMatchObject({ code: "REPLAY_FILES_OUT_OF_ORDER" });
  expect((await replay(server, { files })).report.events.accepted).toBe(6);
});

test("[P19] files without an accepted row are a report, not an error", async () => {
  const server = await moodyServer();
  const { report } = await replay(server, {
    files: [csvFile(row({ price: -1 }))],
    stamp: "now",
    repeat: Number.POSITIVE_INFINITY,
    openingStock: 5,
  });
  expect(report).toMatchObject({ rows: { read: 1, accepted: 0 }, events: { accepted: 0 }, requests: 0 });
});
