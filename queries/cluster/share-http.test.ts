import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { expect, onTestFinished, test } from "vitest";
import { createShareRoute, remoteOwner, sharesPath } from "./share-http.ts";
import type { ShareAnswer, ShareOwner, ShareRequest } from "./share.ts";

const rows: ShareAnswer = {
  kind: "rows",
  asOf: { streamTime: 5, offsets: { t: { 0: "184467440737095516" } } },
  rows: [{ at: { windowStart: -1, key: "é\u{1F600}", rows: 1 }, text: '{"a":"\\u0000é"}\n', cell: null }],
  next: undefined,
};
const asOf: ShareRequest = { kind: "as-of", query: "q", partitions: [0] };

async function served(answer: ShareOwner["ask"]): Promise<{ endpoint: string; url: string; asked: ShareRequest[]; errors: unknown[] }> {
  const asked: ShareRequest[] = [];
  const errors: unknown[] = [];
  const local = { name: "w1", ask: (request: ShareRequest, signal: AbortSignal) => (asked.push(request), answer(request, signal)) };
  const app = createShareRoute({
    group: "g",
    local: (member) => (member === "w1" ? local : undefined),
    onError: (error) => errors.push(error),
  });
  const server = createServer(getRequestListener(app.fetch)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, url: `http://${endpoint}${sharesPath}`, asked, errors };
}

type Asking = { readonly member?: string; readonly group?: string; readonly signal?: AbortSignal; readonly request?: ShareRequest };

const noNews = { away: () => undefined, back: () => undefined };
const ask = (
  endpoint: string,
  { member = "w1", group = "g", signal = new AbortController().signal, request = asOf }: Asking = {},
): Promise<ShareAnswer> => remoteOwner({ member, endpoint }, { group, news: noNews }).ask(request, signal);

test("[Q28] questions and answers cross processes unchanged", async () => {
  const { endpoint, asked } = await served(async () => rows);
  const request: ShareRequest = {
    kind: "rows",
    query: "q",
    format: "ndjson",
    filters: [["k", ["é", "x"]]],
    from: { kind: "at", ms: 5 },
    to: undefined,
    limit: Number.MAX_SAFE_INTEGER,
    position: undefined,
    order: undefined,
    partitions: [1, 2],
  };
  expect(await ask(endpoint, { request })).toEqual(rows);
  expect(asked).toEqual([JSON.parse(JSON.stringify(request))]);
});

test("[Q47] what streams are told crosses processes unchanged, numbers of commits too", async () => {
  const at = [9007199254740993n, 0n];
  const progress = { streamTime: -1, finalBefore: [0, 5] };
  const position = { windowStart: -1, key: "k", rows: 1 };
  const answers: readonly ShareAnswer[] = [
    { kind: "stream", told: { kind: "began", feed: 1, log: "", at, unchangedSince: [1n, 2n] } },
    {
      kind: "stream",
      told: {
        kind: "changes",
        at,
        rows: { keys: ["0//9n", "b"], texts: ['{"a":1}', null] },
        expired: [{ partition: 0, before: 5 }],
        progress,
      },
    },
    { kind: "stream", told: { kind: "slice", at, keys: [], texts: [], next: undefined, from: undefined, to: { kind: "at", ms: 5 } } },
    { kind: "stream", told: { kind: "slice", at, keys: ["a"], texts: ["1"], next: position, from: undefined, to: undefined } },
    { kind: "stream", told: { kind: "ended" } },
    { kind: "stream", told: { kind: "unavailable", code: "QUERY_OWNER_MOVED", detail: "elsewhere" } },
  ];
  const { endpoint, asked } = await served(async (request) => answers[request.kind === "stream" ? (request.asked.partitions[0] ?? 0) : 0]!);
  const slice = { kind: "slice", query: "q", filters: [], from: undefined, to: undefined, position } as const;
  for (const [i, answer] of answers.entries()) {
    const request: ShareRequest = { kind: "stream", asked: { ...slice, partitions: [i] } };
    expect(await ask(endpoint, { request })).toEqual(answer);
    expect(asked.at(-1)).toEqual(request);
  }
});

test("[Q32] a worker that is not here any more, or of another group, is said to have moved; nobody else is asked", async () => {
  const { endpoint, asked } = await served(async () => rows);
  for (const other of [{ member: "w2" }, { group: "h" }])
    expect(await ask(endpoint, other)).toMatchObject({ kind: "unavailable", code: "QUERY_OWNER_MOVED" });
  expect(asked).toEqual([]);
});

test("[Q32] an owner that is gone, or fails, is unreachable; who gives up waiting is told so", async () => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address() as AddressInfo;
  nobody.close();
  expect(await ask(`127.0.0.1:${port}`)).toMatchObject({ kind: "unavailable", code: "QUERY_OWNER_UNREACHABLE" });
  const failing = await served(() => Promise.reject(new Error("a bug")));
  expect(await ask(failing.endpoint)).toMatchObject({
    kind: "unavailable",
    code: "QUERY_OWNER_UNREACHABLE",
    detail: expect.stringContaining("answers 500") as string,
  });
  expect(failing.errors).toHaveLength(1);
  let left: AbortSignal | undefined;
  const hanging = await served(
    (_, signal) => new Promise((_settle, reject) => (left = signal).addEventListener("abort", () => reject(new Error("gone")))),
  );
  const leaving = new AbortController();
  const answer = ask(hanging.endpoint, { signal: leaving.signal });
  await expect.poll(() => left).toBeDefined();
  leaving.abort(new Error("nobody waits"));
  await expect(answer).rejects.toThrow("nobody waits");
  await expect.poll(() => left!.aborted).toBe(true);
});

test("[Q33] only processes ask here: without their header it is forbidden, and what is no question is refused", async () => {
  const { url, asked } = await served(async () => rows);
  const post = async (body: string, headers: Record<string, string> = { "Millrace-Forwarded": "1" }): Promise<number> =>
    (await fetch(url, { method: "POST", body, headers })).status;
  const good = JSON.stringify({ group: "g", member: "w1", request: asOf });
  expect(await post(good, {})).toBe(403);
  expect(await post(good, { "Millrace-Forwarded": "2" })).toBe(403);
  for (const bad of ["", "{", "null", "[]", '{"group":"g"}', JSON.stringify({ group: "g", member: "w1", request: { kind: "drop" } })])
    expect(await post(bad)).toBe(400);
  expect(await post(`"${"x".repeat(1 << 20)}"`)).toBe(413);
  expect(asked).toEqual([]);
  expect(await post(good)).toBe(200);
});

test("[Q28] an owner that does not answer is told of once, and once when it does again", async () => {
  let silent = true;
  const server = createServer((request, response) => {
    request.resume();
    if (silent) request.socket.destroy();
    else response.end(JSON.stringify(rows));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const told: string[] = [];
  const news = { away: (name: string) => void told.push(`away ${name}`), back: (name: string) => void told.push(`back ${name}`) };
  const owner = remoteOwner({ member: "w1", endpoint }, { group: "g", news });
  const asking = (): Promise<ShareAnswer> => owner.ask(asOf, new AbortController().signal);
  for (let n = 0; n < 3; n++) expect(await asking()).toMatchObject({ kind: "unavailable", code: "QUERY_OWNER_UNREACHABLE" });
  silent = false;
  for (let n = 0; n < 3; n++) expect(await asking()).toEqual(rows);
  silent = true;
  await asking();
  const name = `w1 at ${endpoint}`;
  expect(told).toEqual([`away ${name}`, `back ${name}`, `away ${name}`]);
});
