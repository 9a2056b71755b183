import { describe, expect, test } from "vitest";
import { ServerDoor } from "./server-door.ts";
import { HandClock } from "./testing/hand-clock.ts";
import { moodyServer, type MoodyServer } from "./testing/moody-server.ts";
import { waitForQueries } from "./wait.ts";

const names = ["orders-by-day", "stock levels"];

/** Answers the catalogue, and each query with the statuses given, one after the other, the last of them for ever. */
function answering(
  server: MoodyServer,
  statuses: readonly number[],
  catalogue: unknown = { queries: names.map((name) => ({ name })) },
): URL[] {
  const asked: URL[] = [];
  server.other = ({ url }, response) => {
    const at = new URL(url!, server.url);
    if (at.pathname === "/v1/queries") return response.writeHead(200).end(JSON.stringify(catalogue));
    asked.push(at);
    const status = statuses[Math.min(asked.length, statuses.length) - 1]!;
    return response.writeHead(status, status === 503 ? { "retry-after": "3" } : {}).end('{"title":"no"}');
  };
  return asked;
}

function wait(
  server: MoodyServer,
  tokens: readonly string[],
  { clock = new HandClock(), signal = new AbortController().signal } = {},
): Promise<readonly string[]> {
  return waitForQueries(tokens, { door: new ServerDoor({ to: server.url, key: null, signal }), clock, signal, say: () => undefined });
}

describe("[P18] --wait", () => {
  test("asks every query for all tokens until each has them", async () => {
    const server = await moodyServer();
    const asked = answering(server, [202, 504, 200]);
    expect(await wait(server, ["a.b:0:12", "a.b:1:7"])).toEqual(names);
    expect(asked.map(({ pathname }) => pathname)).toEqual([
      ...Array<string>(3).fill("/v1/queries/orders-by-day"),
      "/v1/queries/stock%20levels",
    ]);
    expect(asked.map(({ searchParams }) => searchParams.get("after"))).toEqual(Array(4).fill("a.b:0:12,a.b:1:7"));
  });

  test("splits what one address cannot hold", async () => {
    const server = await moodyServer();
    const asked = answering(server, [200]);
    const tokens = Array.from({ length: 500 }, (_, i) => `business.inventory.adjusted:${i}:123456789`);
    await wait(server, tokens);
    expect(Math.max(...asked.map(({ search }) => search.length))).toBeLessThan(8192);
    const first = asked
      .filter(({ pathname }) => pathname.endsWith("day"))
      .flatMap(({ searchParams }) => searchParams.get("after")!.split(","));
    expect(first).toEqual(tokens);
  });

  test("waits while the server is away or asks to wait", async () => {
    const server = await moodyServer();
    answering(server, [503, 200]);
    await server.stop();
    const clock = new HandClock();
    clock.onSleep = async (times) => {
      if (times === 3) await server.start();
    };
    expect(await wait(server, ["t:0:1"], { clock })).toEqual(names);
    expect(clock.slept).toContain(3000);
  });

  test("without anything posted no query is asked for a token, and all of them show it", async () => {
    const server = await moodyServer();
    const asked = answering(server, [404]);
    expect(await wait(server, [])).toEqual(names);
    expect(asked).toEqual([]);
  });

  test.each<[what: string, statuses: number[], catalogue?: unknown]>([
    ["a query that is not there", [404]],
    ["a token that is not understood", [400]],
    ["no catalogue", [200], { title: "hello" }],
  ])("%s ends it", async (_, statuses, catalogue) => {
    const server = await moodyServer();
    answering(server, statuses, catalogue);
    await expect(wait(server, ["t:0:1"])).rejects.toMatchObject({ code: "REPLAY_QUERY_REFUSED" });
  });

  test("ends when the user stops it, with the names of those that were there", async () => {
    const server = await moodyServer();
    answering(server, [200, 202]);
    const stop = new AbortController();
    const clock = new HandClock();
    clock.onSleep = (times) => {
      if (times === 4) stop.abort();
    };
    expect(await wait(server, ["t:0:1"], { clock, signal: stop.signal })).toEqual([names[0]]);
  });
});
