import { afterAll, beforeAll, expect, test } from "vitest";
import { randomJsonEvent } from "#schemas/testing/random-event.ts";
import { seededRandom, type SeededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { encodeBody, mutateBytes, mutateEvent, writeEvent } from "./testing/mutate.ts";
import { carted, viewed } from "./testing/sample-events.ts";
import { type Answered, openTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const seed = testSeed();
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 150);
const lanes = 4;
const answerMs = 10_000;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ limits: { headersTimeoutMs: 1_000, bodyIdleMs: 1_000, bodyTotalMs: 2_000, keepAliveMs: 500 } });
});
afterAll(() => gateway.close());

/** Never a hung request: whatever was sent, something comes back in time. */
function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${answerMs} ms; ${what}`)), answerMs);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

type Sent = {
  readonly texts: readonly string[];
  readonly goodIds: ReadonlySet<string>;
  readonly format: "array" | "wrapper" | "lines";
  readonly mutated: boolean;
};

const escaped = (raw: Buffer): string => `SEED=${seed} ${JSON.stringify(raw.toString("latin1"))}`;

/** A batch with good events of one session among random and mutated ones. */
function batch(random: SeededRandom, lane: number, round: number): Sent {
  const goodIds = new Set<string>();
  const texts = Array.from({ length: random.pick([1, 2, 5, 20]) }, (_, i) => {
    const kind = random.between(0, 3);
    if (kind <= 1) {
      const id = `good-${lane}-${round}-${i}-${random.between(0, 1e9).toString(36)}`;
      goodIds.add(id);
      return JSON.stringify((kind === 0 ? viewed : carted)(id, { session: `lane-${lane}` }));
    }
    const event = randomJsonEvent(random);
    return writeEvent(kind === 2 ? event : mutateEvent(event, random), random);
  });
  return { texts, goodIds, format: random.pick(["array", "wrapper", "lines"]), mutated: random.chance(0.2) };
}

const bodyOf = ({ texts, format }: Sent): string =>
  format === "lines"
    ? texts.join("\n")
    : format === "array"
      ? `[${texts.join()}]`
      : `{"sentAt":"2026-11-21T09:00:00Z","events":[${texts.join()}]}`;

function countsOf(answer: Answered): number[] {
  const header = /^accepted=(\d+), duplicate=(\d+), rejected=(\d+), retry=(\d+)$/.exec(String(answer.headers["ingest-result"]))!;
  return header.slice(1).map(Number);
}

test(
  `[G22] mutated batches: never a 5xx, never a hang, every event answered, good neighbours stored in order (SEED=${seed})`,
  { timeout: 300_000 },
  async () => {
    const accepted = new Map<string, string>();
    const goodAccepted: string[][] = Array.from({ length: lanes }, () => []);
    const runLane = async (lane: number): Promise<void> => {
      const random = seededRandom(seed + lane);
      for (let round = 0; round < rounds; round++) {
        const sent = batch(random, lane, round);
        const plain = Buffer.from(bodyOf(sent));
        const { bytes, headers } = encodeBody(sent.mutated && random.chance(0.5) ? mutateBytes(plain, random) : plain, random);
        const body = sent.mutated && random.chance(0.5) ? mutateBytes(bytes, random) : bytes;
        const type = { "content-type": sent.format === "lines" ? "application/x-ndjson" : "application/json" };
        const what = `SEED=${seed} lane ${lane} round ${round}: ${JSON.stringify(plain.toString().slice(0, 300))}`;
        const answer = await inTime(gateway.post(body, { ...type, ...headers }), what);
        expect(answer.status, what).toBeLessThan(500);
        const results = answer.json!.results ?? [];
        if (answer.json!.results !== undefined) {
          const counts = countsOf(answer);
          expect(
            counts.reduce((sum, count) => sum + count),
            what,
          ).toBe(results.length);
          for (const [i, status] of ["accepted", "duplicate", "rejected", "retry"].entries()) {
            expect(results.filter((result) => result.status === status).length, what).toBe(counts[i]);
          }
          expect(results.map(({ i }) => i)).toEqual(results.map((_, i) => i));
        }
        if (!sent.mutated) {
          expect([200, 207, 400, 422], what).toContain(answer.status);
          // Only what is nested beyond reason takes the whole request with it.
          if (answer.status === 400) expect(answer.json!.type, what).toBe("/problems/too-deep");
          else expect(results.length, what).toBe(sent.texts.length);
          const good = results.filter(({ eventId }) => sent.goodIds.has(eventId ?? ""));
          if (answer.status !== 400) expect(good.map(({ status }) => status)).toEqual([...sent.goodIds].map(() => "accepted"));
        }
        for (const { status, eventId, token } of results) {
          if (status !== "accepted") continue;
          accepted.set(token!, eventId!);
          // What was mutated in its bytes may have another id or key, and be good all the same.
          if (!sent.mutated && sent.goodIds.has(eventId!)) goodAccepted[lane]!.push(eventId!);
        }
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
    const stored = await gateway.stored();
    expect(Object.fromEntries(stored.map(({ token, event }) => [token, event.eventId]))).toEqual(Object.fromEntries(accepted));
    for (let lane = 0; lane < lanes; lane++) {
      const sentGood = new Set(goodAccepted[lane]);
      const inOrder = stored
        .filter(({ key, event }) => key === `lane-${lane}` && sentGood.has(event.eventId))
        .map(({ event }) => event.eventId);
      expect(inOrder, `SEED=${seed}`).toEqual(goodAccepted[lane]);
    }
    expect(accepted.size).toBeGreaterThan(rounds);
  },
);

test(`[G22] mutated requests, head and all: never a 5xx, never a connection left open (SEED=${seed})`, { timeout: 300_000 }, async () => {
  const random = seededRandom(seed);
  for (let round = 0; round < rounds; round += 10) {
    const raws = Array.from({ length: 10 }, (_, i) => {
      const body = JSON.stringify(viewed(`raw-${round}-${i}`));
      const head = `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\nContent-Type: application/json\r\nConnection: close\r\n`;
      const framed = random.chance(0.7)
        ? `Content-Length: ${body.length}\r\n\r\n${body}`
        : `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      return mutateBytes(Buffer.from(head + framed), random);
    });
    const answers = await Promise.all(raws.map((raw) => inTime(gateway.raw(raw), escaped(raw))));
    for (const [i, answer] of answers.entries()) {
      const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
      expect(
        statuses.filter((status) => status >= 500),
        escaped(raws[i]!),
      ).toEqual([]);
    }
  }
  expect((await gateway.post(viewed("after-all"))).status).toBe(200);
});
