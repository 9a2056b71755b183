import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance, type SinkFault } from "#engine/delivery/conformance.ts";
import { WebhookSink } from "./webhook-sink.ts";

type Posted = { readonly headers: IncomingMessage["headers"]; readonly body: string };

/** A receiver as its owner would write one: it takes each id once. */
class Receiver {
  readonly posted: Posted[] = [];
  readonly effects: { key: string; value: string }[] = [];
  fault: SinkFault = "none";
  answer: ((response: ServerResponse) => void) | undefined;
  connections = 0;
  private readonly seen = new Set<string>();
  private readonly server = createServer((request, response) => void this.take(request, response)).on(
    "connection",
    () => (this.connections += 1),
  );
  private port = 0;

  async open(): Promise<URL> {
    await new Promise<void>((settle) => this.server.listen(this.port, "127.0.0.1", settle));
    this.port = (this.server.address() as AddressInfo).port;
    return new URL(`http://127.0.0.1:${this.port}/hook`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    if (this.server.listening) await new Promise<void>((settle) => void this.server.close(() => settle()));
  }

  async behave(fault: SinkFault): Promise<void> {
    this.fault = fault;
    if (fault === "down") await this.close();
    else if (!this.server.listening) await this.open();
    if (fault === "none") this.server.closeAllConnections();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    this.posted.push({ headers: request.headers, body });
    if (this.answer !== undefined) return this.answer(response);
    const { key, value } = JSON.parse(body) as { key: string; value: string };
    if (this.fault === "hangs") return;
    if (this.fault === "busy") return void response.writeHead(503, { "retry-after": "0" }).end();
    if (this.fault === "refuses" && key.startsWith("bad")) return void response.writeHead(422).end(`there is no ${key}`);
    const id = String(request.headers["webhook-id"]);
    if (!this.seen.has(id)) this.effects.push({ key, value });
    this.seen.add(id);
    if (this.fault === "cuts") return void request.socket.destroy();
    response.writeHead(204).end();
  }
}

const render = ({ key, value }: Delivery): { contentType: string; bytes: Uint8Array } => ({
  contentType: "application/json",
  bytes: Buffer.from(JSON.stringify({ key, value: Buffer.from(value!).toString() })),
});

sinkConformance("webhook: the laws of delivery", async () => {
  const receiver = new Receiver();
  const url = await receiver.open();
  return {
    sink: new WebhookSink({ url, secrets: [], render }),
    keeps: "every",
    behave: (fault) => receiver.behave(fault),
    effects: async () => receiver.effects,
    close: () => receiver.close(),
  };
});

describe("webhook", () => {
  let receiver: Receiver;
  let url: URL;
  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.open();
  });
  afterEach(() => receiver.close());

  const record: Delivery = {
    id: "t/0/7",
    at: { topic: "t", partition: 0, offset: 7n },
    order: 7n,
    timestamp: 1,
    key: "k",
    value: Buffer.from("v"),
    headers: [],
    attempt: 0,
  };
  const never = new AbortController().signal;
  const post = async (options: Partial<ConstructorParameters<typeof WebhookSink>[0]> = {}) =>
    (await new WebhookSink({ url, secrets: [], render, ...options }).deliver([record], never))[0]!;

  test("[D10] a request is signed with each secret over id, time and body, as Standard Webhooks says", async () => {
    const secrets = [Buffer.from("a".repeat(24)), Buffer.from("b".repeat(24))];
    expect(await post({ secrets, clock: () => 1_700_000_000_999 })).toEqual({ kind: "delivered" });
    const [{ headers, body }] = receiver.posted as [Posted];
    expect(headers["webhook-id"]).toBe("t/0/7");
    expect(headers["webhook-timestamp"]).toBe("1700000000");
    const macs = secrets.map((secret) => createHmac("sha256", secret).update(`t/0/7.1700000000.${body}`).digest("base64"));
    expect(headers["webhook-signature"]).toBe(macs.map((mac) => `v1,${mac}`).join(" "));
  });

  test("[D10] an attempt later has the same id and another time", async () => {
    await post({ clock: () => 1000 });
    await post({ clock: () => 9000 });
    expect(receiver.posted.map(({ headers }) => [headers["webhook-id"], headers["webhook-timestamp"]])).toEqual([
      ["t/0/7", "1"],
      ["t/0/7", "9"],
    ]);
  });

  test("[D10] an address in plain words off this machine, or with a login in it, is refused, and not said", () => {
    for (const address of ["http://shop.example/hook", "https://me:hunter2@shop.example/hook", "ftp://shop.example/"]) {
      let said = "";
      try {
        new WebhookSink({ url: new URL(address), secrets: [], render });
      } catch (error) {
        said = String(error);
      }
      expect(said).toMatch(/^TypeError: /);
      expect(said).not.toContain("hunter2");
    }
  });

  test("[D11] what was taken leaves its connection for the next", async () => {
    receiver.answer = (response) => void response.writeHead(200).end("thanks ".repeat(1000));
    const sink = new WebhookSink({ url, secrets: [], render });
    for (let i = 0; i < 5; i++) expect(await sink.deliver([record], never)).toEqual([{ kind: "delivered" }]);
    // The next request may begin before the one before it has let go.
    expect(receiver.connections).toBeLessThanOrEqual(2);
  });

  test.each([
    [429, "3", { kind: "retry", reason: "http-429", afterMs: 3000 }],
    [503, "Thu, 01 Jan 1970 00:01:00 GMT", { kind: "retry", reason: "http-503", afterMs: 60_000 }],
    [503, "999999", { kind: "retry", reason: "http-503", afterMs: 300_000 }],
    [500, "soon", { kind: "retry", reason: "http-500" }],
    [408, undefined, { kind: "retry", reason: "http-408" }],
    [400, undefined, { kind: "refused", reason: "http-400", answer: "said" }],
    [301, undefined, { kind: "refused", reason: "http-301", answer: "said" }],
    [410, undefined, { kind: "refused", reason: "http-410", answer: "said" }],
  ])("[D11] an answer of %i with Retry-After %s", async (status, retryAfter, result) => {
    receiver.answer = (response) =>
      void response
        .writeHead(status, { location: "http://127.0.0.1:1/", ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }) })
        .end("said");
    expect(await post({ clock: () => 0 })).toEqual(result);
  });

  test("[D11] of a long answer only its beginning is kept", async () => {
    receiver.answer = (response) => void response.writeHead(400).end("x".repeat(5_000_000));
    expect(await post()).toEqual({ kind: "refused", reason: "http-400", answer: "x".repeat(1000) });
  });

  test("[D11] a record that cannot be rendered is refused, and posted nowhere", async () => {
    const broken = (): never => {
      throw new Error("no such field");
    };
    expect(await post({ render: broken })).toEqual({ kind: "refused", reason: "unrenderable", answer: "no such field" });
    expect(receiver.posted).toEqual([]);
  });

  test("[D11] a line that breaks is tried again, and says why", async () => {
    await receiver.close();
    expect(await post()).toMatchObject({ kind: "retry", reason: expect.stringContaining("ECONNREFUSED") as string });
  });
});
