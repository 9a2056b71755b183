import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { MillraceClient, type StreamEvent } from "./mod.ts";

const sent = (name: string, data: string, id?: string): string =>
  `event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;

test("[N10] behind a reset nothing is gone on with, until the stream says from where: rows that were thrown away would never come again", async () => {
  const asked: (string | undefined)[] = [];
  const answers: ((response: ServerResponse) => void)[] = [
    // Begun anew, and cut off in the midst of its snapshot.
    (response) => response.write(sent("reset", "{}", "") + sent("snapshot", '{"part":0,"last":false,"rows":[]}'), () => response.destroy()),
    // Gone on with, and cut off between events that belong together.
    (response) => response.write(sent("progress", "1", "p1") + sent("delete", "2"), () => response.destroy()),
    (response) => response.write(sent("upsert", "3")),
  ];
  const server = createServer((request, response) => {
    asked.push(request.headers["last-event-id"] as string | undefined);
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    answers[asked.length - 1]!(response);
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const client = new MillraceClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    backoff: { baseMs: 1, mostMs: 1 },
  });
  const heard: StreamEvent[] = [];
  for await (const event of client.stream("q", {}, { lastEventId: "old" })) if (heard.push(event) === 5) break;
  expect(heard.map(({ event, id }) => [event, id])).toEqual([
    ["reset", ""],
    ["snapshot", ""],
    ["progress", "p1"],
    ["delete", "p1"],
    ["upsert", "p1"],
  ]);
  expect(asked).toEqual(["old", undefined, "p1"]);
  server.closeAllConnections();
  await client.close();
  await new Promise<void>((settle) => void server.close(() => settle()));
});
