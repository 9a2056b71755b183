import { describe, expect, test } from "vitest";
import { ServerDoor } from "./server-door.ts";
import { moodyServer } from "./testing/moody-server.ts";

const event = {
  eventId: "e1",
  eventType: "inventory.received",
  eventVersion: "1.0.0",
  source: "test",
  timestamp: "2011-04-01T08:30:00.000Z",
  data: { sku: "A", quantity: 1 },
};
const never = new AbortController().signal;

describe("[P16] an exchange is lost", () => {
  test("when no answer comes in time, though the server may have taken it", async () => {
    const server = await moodyServer();
    server.mood = () => ({ kind: "store-and-hang" });
    const door = new ServerDoor({ to: server.url, key: null, signal: never, timeoutMs: 200 });
    expect(await door.post("/v1/events", JSON.stringify([event]))).toEqual({ kind: "lost", why: "no answer in time" });
    expect(server.stored).toHaveLength(1);
  });

  test("when nobody listens", async () => {
    const server = await moodyServer();
    await server.stop();
    const door = new ServerDoor({ to: server.url, key: null, signal: never });
    expect(await door.get("/v1/queries")).toMatchObject({ kind: "lost", why: expect.stringContaining("ECONNREFUSED") as string });
  });

  test("when the user has stopped and the time of grace is over", async () => {
    const server = await moodyServer();
    const stop = new AbortController();
    server.mood = () => {
      stop.abort();
      return { kind: "store-and-hang" };
    };
    const door = new ServerDoor({ to: server.url, key: null, signal: stop.signal, graceMs: 100 });
    expect((await door.post("/v1/events", JSON.stringify([event]))).kind).toBe("lost");
  });
});

test("[P14] a body is gzip'd but for a server on this machine", async () => {
  const server = await moodyServer();
  const elsewhere = server.url.replace("127.0.0.1", "0.0.0.0");
  for (const to of [server.url, elsewhere]) {
    const answer = await new ServerDoor({ to, key: null, signal: never }).post("/v1/events", JSON.stringify([event]));
    expect(answer).toMatchObject({ kind: "answered", status: 200 });
  }
  expect(server.requests.map(({ headers }) => headers["content-encoding"])).toEqual([undefined, "gzip"]);
  expect(server.stored).toHaveLength(1);
});
