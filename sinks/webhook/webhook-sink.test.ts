import { createHmac } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance } from "#engine/delivery/conformance.ts";
import { deliveryOf } from "../proving/delivery-of.ts";
import { HttpReceiver, type Taken } from "../proving/http-receiver.ts";
import { WebhookSink } from "./webhook-sink.ts";

type Posted = { readonly headers: IncomingMessage["headers"]; readonly body: string };

/** A receiver as its owner would write one: it takes each id once. */
class Receiver {
  readonly posted: Posted[] = [];
  readonly effects: { key: string; value: string }[] = [];
  answer: ((response: ServerResponse) => void) | undefined;
  readonly server = new HttpReceiver((taken) => this.take(taken));
  private readonly seen = new Set<string>();

  async open(): Promise<URL> {
    await this.server.open();
    return this.server.urlOf("/hook");
  }

  private take({ request, body, response }: Taken): void {
    const { fault } = this.server;
    this.posted.push({ headers: request.headers, body });
    if (this.answer !== undefined) return this.answer(response);
    const { key, value } = JSON.parse(body) as { key: string; value: string };
    if (fault === "hangs") return;
    if (fault === "busy") return void response.writeHead(503, { "retry-after": "0" }).end();
    if (fault === "refuses" && key.startsWith("bad")) return void response.writeHead(422).end(`there is no ${key}`);
    const id = String(request.headers["webhook-id"]);
    if (!this.seen.has(id)) this.effects.push({ key, value });
    this.seen.add(id);
    if (fault === "cuts") return void request.socket.destroy();
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
    behave: (fault) => receiver.server.behave(fault),
    effects: async () => receiver.effects,
    close: () => receiver.server.close(),
  };
});

describe("webhook", () => {
  let receiver: Receiver;
  let url: URL;
  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.open();
  });
  afterEach(() => receiver.server.close());

  const never = new AbortController().signal;
  const post = async (options: Partial<ConstructorParameters<typeof WebhookSink>[0]> = {}) =>
    (await new WebhookSink({ url, secrets: [], render, ...options }).deliver([deliveryOf()], never))[0]!;

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

  test.each([
    [200, { kind: "delivered" }],
    [422, { kind: "refused", reason: "http-422", answer: "so far" }],
    [503, { kind: "retry", reason: "http-503" }],
  ])("[D11] an answer that does not end says what its status says: %s is not asked for again and again", async (status, result) => {
    receiver.answer = (response) => void response.writeHead(status).write("so far");
    const began = performance.now();
    expect(await post({ answerMs: 100 })).toEqual(result);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test("[D11] what was taken leaves its connection for the next", async () => {
    receiver.answer = (response) => void response.writeHead(200).end("thanks ".repeat(1000));
    const sink = new WebhookSink({ url, secrets: [], render });
    for (let i = 0; i < 5; i++) expect(await sink.deliver([deliveryOf()], never)).toEqual([{ kind: "delivered" }]);
    // The next request may begin before the one before it has let go.
    expect(receiver.server.connections).toBeLessThanOrEqual(2);
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
    await receiver.server.close();
    expect(await post()).toMatchObject({ kind: "retry", reason: expect.stringContaining("ECONNREFUSED") as string });
  });
});
