import { describe, expect, test } from "vitest";
import { eventRegistry } from "#schemas/event-registry.ts";
import { shippedMonth } from "./command.ts";
import { eventDrafts } from "./event-draft.ts";
import { readHistory } from "./history.ts";
import { runReplay, type ReplayOptions } from "./replay.ts";
import { replayedTypes, retentionPath } from "./retention.ts";
import { csvFile, row } from "./testing/csv-file.ts";
import { HandClock } from "./testing/hand-clock.ts";
import { type MoodyServer, moodyServer } from "./testing/moody-server.ts";
import { plainReplay } from "./testing/plain-replay.ts";

const weekMs = 7 * 86_400_000;

function saysOf(server: MoodyServer, retention: object): void {
  server.other = (request, response) => {
    if (request.url === retentionPath) response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(retention));
    else response.writeHead(404).end();
  };
}

const replay = (server: MoodyServer, more: Partial<ReplayOptions> = {}): ReturnType<typeof runReplay> =>
  runReplay(
    { ...plainReplay, files: [csvFile(row())], to: server.url, ...more },
    { signal: new AbortController().signal, clock: new HandClock() },
  );

const orders = (keepsMs: number | null): object => ({ topic: "business.orders.created", eventType: "order.created", keepsMs });

describe("[P22] a server that deletes by the time of the record", () => {
  test("is sent nothing that is older than it keeps; the refusal says what to set", async () => {
    const server = await moodyServer();
    saysOf(server, { judgedBy: "record-time", topics: [orders(weekMs)] });
    await expect(replay(server)).rejects.toThrow(
      expect.objectContaining({
        code: "REPLAY_RETENTION",
        message: expect.stringMatching(/business\.orders\.created for 7 days.*2011-04-01.*--retention forever/s) as string,
      }) as Error,
    );
    expect(server.requests).toEqual([]);
  });

  test("is sent what it keeps for ever, or what is stamped as it is sent", async () => {
    const server = await moodyServer();
    saysOf(server, { judgedBy: "record-time", topics: [orders(null)] });
    expect((await replay(server)).events.accepted).toBe(3);
    saysOf(server, { judgedBy: "record-time", topics: [orders(weekMs)] });
    expect((await replay(server, { stamp: "now" })).events.accepted).toBe(3);
  });

  test("is not refused for topics that nothing is posted to, nor one that judges by the time of arrival, nor one that says nothing", async () => {
    const server = await moodyServer();
    for (const said of [
      { judgedBy: "record-time", topics: [{ topic: "business.products.viewed", eventType: "product.viewed", keepsMs: weekMs }] },
      { judgedBy: "append-time", topics: [orders(weekMs)] },
      { judgedBy: "record-time" },
    ]) {
      saysOf(server, said);
      expect((await replay(server)).events.rejected).toBe(0);
    }
    expect(server.stored.length).toBeGreaterThan(0);
  });

  test("is asked again while it does not answer", async () => {
    const server = await moodyServer();
    let asked = 0;
    server.other = (_, response) => {
      if (asked++ < 3) response.writeHead(503, { "retry-after": "1" }).end();
      else response.writeHead(200).end(JSON.stringify({ judgedBy: "record-time", topics: [orders(null)] }));
    };
    expect((await replay(server)).events.accepted).toBe(3);
    expect(asked).toBe(4);
  });
});

test("[P22] every type that a replay posts is asked for", async () => {
  const history = await readHistory([shippedMonth], () => undefined);
  const posted = new Set([...eventDrafts(history, { openingStock: 1, repeat: 1, run: "" })].map(({ eventType }) => eventType));
  expect([...posted].toSorted()).toEqual([...replayedTypes].toSorted());
  expect(eventRegistry.map(({ eventType }) => eventType)).toEqual(expect.arrayContaining([...replayedTypes]));
});
