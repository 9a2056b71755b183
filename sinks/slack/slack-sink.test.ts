import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance } from "#engine/delivery/conformance.ts";
import { deliveryOf } from "../proving/delivery-of.ts";
import { HttpReceiver, type Taken } from "../proving/http-receiver.ts";
import { type SlackMessage, type SlackOptions, SlackSink, slackText } from "./slack-sink.ts";

type Said = {
  readonly channel?: string;
  readonly text: string;
  readonly blocks?: unknown;
  readonly metadata: { readonly event_type: string; readonly event_payload: { readonly id: string } };
};
type Posted = { readonly atMs: number; readonly path: string; readonly headers: IncomingMessage["headers"]; readonly said: Said };

const token = "xoxb-not-a-real-one";

/** Slack as its documentation describes it, both doors; its reader takes each id once. */
class Channel {
  readonly posted: Posted[] = [];
  readonly effects: { key: string; value: string }[] = [];
  answer: ((response: ServerResponse) => void) | undefined;
  readonly server = new HttpReceiver((taken) => this.take(taken));
  private readonly seen = new Set<string>();

  get hook(): URL {
    return this.server.urlOf("/services/T0/B0/a-secret");
  }

  get api(): URL {
    return this.server.urlOf("/api/chat.postMessage");
  }

  private take({ request, body, response }: Taken): void {
    const { fault } = this.server;
    const said = JSON.parse(body) as Said;
    const path = request.url ?? "";
    this.posted.push({ atMs: Date.now(), path, headers: request.headers, said });
    if (this.answer !== undefined) return this.answer(response);
    if (fault === "hangs") return;
    if (fault === "busy") return void response.writeHead(429, { "retry-after": "0" }).end();
    const byApi = path.startsWith("/api/");
    const refuse = (status: number, word: string): void =>
      void response.writeHead(byApi ? 200 : status).end(byApi ? JSON.stringify({ ok: false, error: word }) : word);
    if (byApi && request.headers.authorization !== `Bearer ${token}`) return refuse(200, "invalid_auth");
    const [key, value] = said.text.split("=") as [string, string];
    if (fault === "refuses" && key.startsWith("bad")) return refuse(400, "invalid_blocks");
    const { id } = said.metadata.event_payload;
    if (!this.seen.has(id)) this.effects.push({ key, value });
    this.seen.add(id);
    if (fault === "cuts") return void request.socket.destroy();
    response.end(byApi ? JSON.stringify({ ok: true, ts: "1.0" }) : "ok");
  }
}

const render = ({ key, value }: Delivery): SlackMessage => ({ text: `${key}=${Buffer.from(value!).toString()}` });

const targets = {
  webhook: (channel: Channel) => ({ kind: "webhook", url: channel.hook }) as const,
  api: (channel: Channel) => ({ kind: "api", token, channel: "C0LOW", url: channel.api }) as const,
};

for (const [door, target] of Object.entries(targets)) {
  sinkConformance(`slack by ${door}: the laws of delivery`, async () => {
    const channel = new Channel();
    await channel.server.open();
    return {
      sink: new SlackSink({ target: target(channel), render, everyMs: 0 }),
      keeps: "every",
      behave: (fault) => channel.server.behave(fault),
      effects: async () => channel.effects,
      close: () => channel.server.close(),
    };
  });
}

describe("slack", () => {
  let channel: Channel;
  beforeEach(async () => {
    channel = new Channel();
    await channel.server.open();
  });
  afterEach(() => channel.server.close());

  const never = new AbortController().signal;
  const open = (options: Partial<SlackOptions> = {}): SlackSink =>
    new SlackSink({ target: targets.api(channel), render, everyMs: 0, ...options });
  const say = async (options: Partial<SlackOptions> = {}) => (await open(options).deliver([deliveryOf()], never))[0]!;
  const byHook = (): Partial<SlackOptions> => ({ target: targets.webhook(channel) });

  test("[D60] a message has the record's id in its metadata, the same when it is said again", async () => {
    const sink = open();
    await sink.deliver([deliveryOf()], never);
    await sink.deliver([{ ...deliveryOf(), attempt: 1 }], never);
    const metadata = { event_type: "millrace_record", event_payload: { id: "t/0/7" } };
    expect(channel.posted.map(({ said }) => said)).toEqual(Array(2).fill({ channel: "C0LOW", text: "k=v", metadata }));
  });

  test("[D60] by webhook the address says the channel, and there is no token", async () => {
    expect(await say(byHook())).toEqual({ kind: "delivered" });
    const [{ said, headers }] = channel.posted as [Posted];
    expect(said).not.toHaveProperty("channel");
    expect(headers).not.toHaveProperty("authorization");
  });

  test("[D62] a message that a webhook took is said once, however long the answer goes on", async () => {
    channel.answer = (response) => void response.writeHead(200).write("o");
    expect(await say(byHook())).toEqual({ kind: "delivered" });
  });

  test("[D61] messages of all partitions are said one behind the other, at the pace of the channel", async () => {
    const sink = open({ everyMs: 60 });
    const begunMs = Date.now();
    const results = await Promise.all([1n, 2n, 3n, 4n].map((offset) => sink.deliver([deliveryOf(offset)], never)));
    expect(results.flat()).toEqual(Array(4).fill({ kind: "delivered" }));
    // From before the first, which may be late itself; timers may be off by a ms each.
    expect(channel.posted.at(-1)!.atMs - begunMs).toBeGreaterThanOrEqual(175);
  });

  test("[D61] who would wait longer than a call may take comes again at its turn", async () => {
    const sink = open({ everyMs: 90_000, clock: () => 0 });
    expect(await sink.deliver([deliveryOf(1n)], never)).toEqual([{ kind: "delivered" }]);
    expect(await sink.deliver([deliveryOf(2n)], never)).toEqual([{ kind: "retry", reason: "slack-pace", afterMs: 90_000 }]);
    expect(channel.posted).toHaveLength(1);
  });

  test("[D62] a pause that Slack asks for holds for every partition", async () => {
    let now = 1000;
    const sink = open({ clock: () => now });
    channel.answer = (response) => void response.writeHead(429, { "retry-after": "30" }).end();
    expect(await sink.deliver([deliveryOf(1n)], never)).toEqual([{ kind: "retry", reason: "http-429", afterMs: 30_000 }]);
    channel.answer = undefined;
    expect(await sink.deliver([deliveryOf(2n)], never)).toEqual([{ kind: "retry", reason: "slack-pace", afterMs: 30_000 }]);
    expect(channel.posted).toHaveLength(1);
    now += 30_000;
    expect(await sink.deliver([deliveryOf(2n)], never)).toEqual([{ kind: "delivered" }]);
  });

  test("[D62] a short pause is waited for within the call", async () => {
    const sink = open();
    channel.answer = (response) => void response.writeHead(429, { "retry-after": "1" }).end();
    expect(await sink.deliver([deliveryOf(1n)], never)).toEqual([{ kind: "retry", reason: "http-429", afterMs: 1000 }]);
    channel.answer = undefined;
    expect(await sink.deliver([deliveryOf(2n)], never)).toEqual([{ kind: "delivered" }]);
    const [first, second] = channel.posted as [Posted, Posted];
    expect(second.atMs - first.atMs).toBeGreaterThanOrEqual(950);
  });

  test("[D61] a wait ends when its call does, and nothing is said", async () => {
    const sink = open({ everyMs: 10_000 });
    await sink.deliver([deliveryOf(1n)], never);
    const over = new AbortController();
    const waiting = sink.deliver([deliveryOf(2n)], over.signal);
    over.abort();
    await expect(waiting).rejects.toThrow();
    expect(channel.posted).toHaveLength(1);
  });

  test.each([
    [500, "rollup_error", { kind: "retry", reason: "http-500" }],
    [503, "", { kind: "retry", reason: "http-503" }],
    [400, "invalid_payload", { kind: "refused", reason: "slack-invalid_payload", answer: "invalid_payload" }],
    [404, "channel_not_found", { kind: "refused", reason: "slack-channel_not_found", answer: "channel_not_found" }],
    [410, "channel_is_archived", { kind: "refused", reason: "slack-channel_is_archived", answer: "channel_is_archived" }],
    [404, "no_service", { kind: "retry", reason: "slack-no_service" }],
    [403, "invalid_token", { kind: "retry", reason: "slack-invalid_token" }],
    [302, "<html>moved</html>", { kind: "refused", reason: "http-302", answer: "<html>moved</html>" }],
  ])("[D62][D63] a webhook answers %i %s", async (status, word, result) => {
    channel.answer = (response) => void response.writeHead(status).end(word);
    expect(await say(byHook())).toEqual(result);
  });

  test.each([
    [
      { ok: false, error: "channel_not_found" },
      { kind: "refused", reason: "slack-channel_not_found" },
    ],
    [
      { ok: false, error: "msg_too_long" },
      { kind: "refused", reason: "slack-msg_too_long" },
    ],
    [
      { ok: false, error: "ratelimited" },
      { kind: "retry", reason: "slack-ratelimited" },
    ],
    [
      { ok: false, error: "internal_error" },
      { kind: "retry", reason: "slack-internal_error" },
    ],
    [
      { ok: false, error: "token_revoked" },
      { kind: "retry", reason: "slack-token_revoked" },
    ],
    ["<html>", { kind: "retry", reason: "slack-unreadable" }],
  ])("[D62][D63] chat.postMessage answers %j", async (said, result) => {
    const body = typeof said === "string" ? said : JSON.stringify(said);
    channel.answer = (response) => void response.end(body);
    expect(await say()).toEqual({ ...result, ...(result.kind === "refused" ? { answer: body } : {}) });
  });

  test("[D64] neither token nor address of a webhook shows in what is said of a failure", async () => {
    channel.answer = (response) => void response.writeHead(400).end('{"ok":false,"error":"invalid_blocks"}');
    const results = [await say(), await say(byHook())];
    await channel.server.close();
    results.push(await say(), await say(byHook()));
    expect(results.map(({ kind }) => kind)).toEqual(["refused", "refused", "retry", "retry"]);
    expect(JSON.stringify(results)).not.toMatch(/xoxb|a-secret/);
  });

  test("[D64] Slack is spoken to by https, but on loopback", () => {
    for (const url of ["http://hooks.example/x", "ftp://127.0.0.1/x"])
      expect(() => open({ target: { kind: "webhook", url: new URL(url) } })).toThrow(/^Slack is spoken to by https only, but on loopback$/);
    expect(() => open({ target: { kind: "webhook", url: new URL("https://hooks.example/x") } })).not.toThrow();
  });

  test.each([
    ["no text", { text: "" }, "a message without text"],
    ["a text that Slack would cut", { text: "x".repeat(40_001) }, "a text of 40001 characters; Slack takes 40000"],
  ])("[D63] %s refuses the record, and nothing is said", async (_, message, answer) => {
    expect(await say({ render: () => message })).toEqual({ kind: "refused", reason: "unrenderable", answer });
    expect(channel.posted).toEqual([]);
  });

  test("[D64] a value that is escaped calls nobody and links nowhere", () => {
    expect(slackText("<!channel> & <https://evil.example|you>")).toBe("&lt;!channel&gt; &amp; &lt;https://evil.example|you&gt;");
  });
});
