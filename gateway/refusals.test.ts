import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Appender } from "#engine/broker/broker.ts";
import { viewed } from "./testing/sample-events.ts";
import { openTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function start(options: Parameters<typeof openTestGateway>[0]): Promise<TestGateway> {
  const gateway = await openTestGateway(options);
  open.push(() => gateway.close());
  return gateway;
}

const requestOf = (gateway: TestGateway, id: string): string => {
  const body = JSON.stringify(viewed(id));
  return [
    "POST /v1/events HTTP/1.1",
    `Host: 127.0.0.1:${gateway.port}`,
    "Authorization: Bearer sk_test",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
};

type Client = {
  readonly socket: Socket;
  readonly heard: () => string;
  readonly ended: Promise<unknown>;
  readonly closed: Promise<unknown>;
};

/** A client that goes on writing to a server that writes no more. */
function client(gateway: TestGateway): Client {
  const socket = connect({ port: gateway.port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const ended = new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
  return { socket, heard: () => text, ended, closed };
}

const idsOf = async (gateway: TestGateway): Promise<readonly string[]> => (await gateway.stored()).map(({ event }) => event.eventId);

test("[G29] a request that comes in behind a 408 is not taken: who reads the refusal of a stored event would not know", async () => {
  const gateway = await start({ limits: { headersTimeoutMs: 200 } });
  const { socket, heard, ended, closed } = client(gateway);
  // The server gives up on a connection that says nothing; what was on its way meanwhile comes in behind that.
  await ended;
  expect(heard()).toMatch(/^HTTP\/1\.1 408 /);
  socket.end(requestOf(gateway, "late"));
  await closed;
  expect((await gateway.post(viewed("next"))).status).toBe(200);
  expect(await idsOf(gateway)).toEqual(["next"]);
  expect(heard().match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test.each([
  ["what is no request", "FROB\r\n\r\n"],
  ["a head that does not end", "POST /v1/events HTTP/1.1\r\nHost: local"],
])("[G29] %s behind a whole request is no answer to that one", async (_, behind) => {
  const held = Promise.withResolvers<void>();
  const appending = Promise.withResolvers<void>();
  const wrap = (log: Appender): Appender => ({
    append: async (batches) => {
      appending.resolve();
      await held.promise;
      return log.append(batches);
    },
  });
  const gateway = await start({ limits: { headersTimeoutMs: 200 }, wrap });
  const { socket, heard, ended } = client(gateway);
  socket.write(requestOf(gateway, "first") + behind);
  await appending.promise;
  // Given up later than the first one would be.
  const clock = client(gateway);
  clock.socket.write("POST");
  await clock.ended;
  clock.socket.destroy();
  held.resolve();
  await ended;
  socket.destroy();
  expect(heard()).toMatch(/^HTTP\/1\.1 200 /);
  expect(heard().match(/HTTP\/1\.1/g)).toHaveLength(1);
  expect(await idsOf(gateway)).toEqual(["first"]);
});
