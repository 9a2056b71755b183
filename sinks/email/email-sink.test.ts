import type { Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance, type SinkFault } from "#engine/delivery/conformance.ts";
import { deliveryOf } from "../proving/delivery-of.ts";
import type { EmailMessage } from "./email-message.ts";
import { type EmailOptions, EmailSink, messageIdOf } from "./email-sink.ts";

type Received = { readonly from: string; readonly to: readonly string[]; readonly head: string; readonly body: string };

/** A mail server whose mailboxes take each Message-ID once. */
class Post {
  fault: SinkFault = "none";
  /** Of the server's, beside its faults. */
  options: SMTPServerOptions = {};
  /** Said to every recipient, instead of 250. */
  answer: { readonly code: number; readonly text: string } | undefined;
  readonly received: Received[] = [];
  readonly effects: { key: string; value: string }[] = [];
  connections = 0;
  hanging = 0;
  private readonly seen = new Set<string>();
  private readonly sockets = new Set<Socket>();
  private server: SMTPServer | undefined;
  port = 0;

  async open(): Promise<void> {
    const server = new SMTPServer({
      disabledCommands: ["STARTTLS", "AUTH"],
      disableReverseLookup: true,
      logger: false,
      ...this.options,
      onRcptTo: ({ address }, _, settle) => {
        if (this.answer !== undefined) return settle(said(this.answer.code, this.answer.text));
        if (this.fault === "busy") return settle(said(451, "4.3.2 come back later"));
        if (this.fault === "refuses" && address.startsWith("bad")) return settle(said(550, `5.1.1 there is no ${address}`));
        settle();
      },
      onData: (stream, session, settle) => {
        const parts: Buffer[] = [];
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("end", () => {
          if (this.fault === "hangs") return void (this.hanging += 1);
          const { mailFrom, rcptTo } = session.envelope;
          const whole = Buffer.concat(parts).toString();
          const end = whole.indexOf("\r\n\r\n");
          const head = whole.slice(0, end).replaceAll(/\r\n[ \t]+/g, " ");
          const mail = {
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            head,
            body: whole.slice(end + 4).trim(),
          };
          this.received.push(mail);
          this.keep(mail);
          if (this.fault === "cuts") return this.hangUp();
          settle();
        });
      },
    });
    server.on("error", () => undefined);
    server.server.on("connection", (socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    await new Promise<void>((settle) => server.listen(this.port, "127.0.0.1", () => settle()));
    this.server = server;
    this.port = (server.server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((settle) => server.close(() => settle()));
    this.hangUp();
    await closed;
  }

  async behave(fault: SinkFault): Promise<void> {
    this.fault = fault;
    if (fault === "down") await this.close();
    else if (this.server === undefined) await this.open();
    if (fault === "none") this.hangUp();
  }

  get connected(): number {
    return this.sockets.size;
  }

  private keep({ to, head, body }: Received): void {
    const id = headerOf(head, "message-id")!;
    if (this.seen.has(id)) return;
    this.seen.add(id);
    this.effects.push({ key: to[0]!.split("@")[0]!, value: body });
  }

  private hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

function said(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

function headerOf(head: string, name: string): string | undefined {
  const line = head.split("\r\n").find((each) => each.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

const from = { address: "shop@shop.example", name: "The Shop" };
const render = ({ key, value }: Delivery): EmailMessage => ({
  to: `${key}@buyers.example`,
  subject: "It is back",
  text: Buffer.from(value!).toString(),
});

sinkConformance("email: the laws of delivery", async () => {
  const post = new Post();
  await post.open();
  return {
    sink: new EmailSink({ server: { host: "127.0.0.1", port: post.port }, from, render }),
    keeps: "every",
    behave: (fault) => post.behave(fault),
    effects: async () => post.effects,
    close: () => post.close(),
  };
});

describe("email", () => {
  let post: Post;
  const sinks: EmailSink[] = [];
  beforeEach(() => void (post = new Post()));
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.close()));
    await post.close();
  });

  const never = new AbortController().signal;
  const open = (options: Partial<EmailOptions> = {}): EmailSink => {
    const sink = new EmailSink({ server: { host: "127.0.0.1", port: post.port }, from, render, ...options });
    sinks.push(sink);
    return sink;
  };
  const send = async (options: Partial<EmailOptions> = {}) => (await open(options).deliver([deliveryOf()], never))[0]!;

  test("[D50] a mail that is sent again has the same Message-ID, another record's has another", async () => {
    await post.open();
    const sink = open();
    await sink.deliver([deliveryOf(1n)], never);
    await sink.deliver([{ ...deliveryOf(1n), attempt: 1 }], never);
    await sink.deliver([deliveryOf(2n)], never);
    const [first, again, other] = post.received.map(({ head }) => headerOf(head, "message-id"));
    expect(first).toMatch(/^<[0-9a-f]{40}@shop\.example>$/);
    expect(first).toBe(messageIdOf("t/0/1", from.address));
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test("[D51] a mail has text and HTML, says that a machine sent it and how to be sent no more", async () => {
    await post.open();
    const unsubscribe = new URL("https://shop.example/stop?who=k");
    const as = (one: Delivery): EmailMessage => ({ ...render(one), html: "<b>v</b>", replyTo: "help@shop.example", unsubscribe });
    expect(await send({ render: as })).toEqual({ kind: "delivered" });
    const [{ head, body, ...envelope }] = post.received as [Received];
    expect(envelope).toEqual({ from: "shop@shop.example", to: ["k@buyers.example"] });
    expect(headerOf(head, "from")).toBe("The Shop <shop@shop.example>");
    expect(headerOf(head, "to")).toBe("k@buyers.example");
    expect(headerOf(head, "reply-to")).toBe("help@shop.example");
    expect(headerOf(head, "auto-submitted")).toBe("auto-generated");
    expect(headerOf(head, "list-unsubscribe")).toBe("<https://shop.example/stop?who=k>");
    expect(headerOf(head, "list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
    expect(headerOf(head, "content-type")).toContain("multipart/alternative");
    expect(body).toMatch(/text\/plain[^]*\r\nv\r\n[^]*text\/html[^]*<b>v<\/b>/);
  });

  test("[D51] a connection is used again, and no more than were allowed are open", async () => {
    await post.open();
    const sink = open({ connections: 2 });
    for (const round of [1n, 2n, 3n]) {
      const results = await sink.deliver([deliveryOf(round, "a"), deliveryOf(round + 10n, "b"), deliveryOf(round + 20n, "c")], never);
      expect(results).toEqual(Array(3).fill({ kind: "delivered" }));
    }
    expect(post.connections).toBe(2);
  });

  test("[D52] a subject is one line, whatever a record says", async () => {
    await post.open();
    const subject = "Low\r\nBcc: everybody@buyers.example\r\n\r\nfree\u2028beer";
    expect(await send({ render: (one) => ({ ...render(one), subject }) })).toEqual({ kind: "delivered" });
    const [{ head, to }] = post.received as [Received];
    expect(to).toEqual(["k@buyers.example"]);
    expect(headerOf(head, "subject")).toBe("Low Bcc: everybody@buyers.example free beer");
    expect(headerOf(head, "bcc")).toBeUndefined();
  });

  test.each([
    ["a line break", "k@buyers.example\r\nRCPT TO:<x@y.example>"],
    ["a line break at the end", "k@buyers.example\n"],
    ["two addresses", "k@buyers.example,x@y.example"],
    ["a name", "K <k@buyers.example>"],
    ["a group", "all:k@buyers.example;"],
    ["no domain", "k"],
    ["two signs", "k@a@b.example"],
    ["nothing", ""],
    ["no end", `${"k".repeat(250)}@b.example`],
  ])("[D52] an address with %s refuses the record, and nothing is sent", async (_, address) => {
    await post.open();
    for (const part of [{ to: address }, { replyTo: address }])
      expect(await send({ render: (one) => ({ ...render(one), ...part }) })).toMatchObject({ kind: "refused", reason: "unrenderable" });
    expect(post.received).toEqual([]);
  });

  test("[D52] only https and mailto unsubscribe", async () => {
    await post.open();
    for (const text of ["http://shop.example/", "javascript:alert(1)", "mailto:a@b.example>,<https://evil.example/"])
      expect(await send({ render: (one) => ({ ...render(one), unsubscribe: new URL(text) }) })).toMatchObject({ kind: "refused" });
    expect(post.received).toEqual([]);
  });

  test.each([
    [421, { kind: "retry", reason: "smtp-421" }],
    [450, { kind: "retry", reason: "smtp-450" }],
    [452, { kind: "retry", reason: "smtp-452" }],
    [503, { kind: "retry", reason: "smtp-503" }],
    [530, { kind: "retry", reason: "smtp-530" }],
    [550, { kind: "refused", reason: "smtp-550", answer: "550 5.1.1 so it is" }],
    [552, { kind: "refused", reason: "smtp-552", answer: "552 5.1.1 so it is" }],
    [554, { kind: "refused", reason: "smtp-554", answer: "554 5.1.1 so it is" }],
  ])("[D53] an answer of %i", async (code, result) => {
    await post.open();
    post.answer = { code, text: "5.1.1 so it is" };
    expect(await send()).toEqual(result);
  });

  test("[D53] a line that breaks is tried again, and says why", async () => {
    await post.open();
    await post.close();
    expect(await send()).toMatchObject({ kind: "retry", reason: expect.stringContaining("ECONNREFUSED") as string });
  });

  test("[D53] a call that is over lets its connection go, and is tried again", async () => {
    await post.open();
    post.fault = "hangs";
    const over = new AbortController();
    const sending = open({ connections: 1 }).deliver([deliveryOf()], over.signal);
    await expect.poll(() => post.connected).toBe(1);
    await expect.poll(() => post.hanging).toBe(1);
    over.abort();
    expect(await sending).toMatchObject([{ kind: "retry" }]);
    await expect.poll(() => post.connected).toBe(0);
  });

  test("[D54] a login that fails is tried again, and neither name nor password is in what is said of it", async () => {
    const seen: unknown[] = [];
    post.options = {
      disabledCommands: ["STARTTLS"],
      onAuth: ({ username, password }, _, settle) => {
        seen.push([username, password]);
        settle(said(535, `5.7.8 no ${username} with ${password}`));
      },
    };
    await post.open();
    const result = await send({ login: { user: "millrace", password: "hunter2" } });
    expect(seen).toEqual([["millrace", "hunter2"]]);
    expect(result).toEqual({ kind: "retry", reason: "smtp-535" });
  });

  test("[D54] without TLS nothing is said where TLS is asked for, nor to a certificate that nobody knows", async () => {
    await post.open();
    const server = { host: "127.0.0.1", port: post.port, tls: "starttls" } as const;
    const login = { user: "millrace", password: "hunter2" };
    expect(await send({ server, login })).toMatchObject({ kind: "retry" });
    await post.close();
    post.options = { disabledCommands: [], authOptional: true };
    await post.open();
    expect(await send({ server, login })).toMatchObject({ kind: "retry", reason: expect.stringMatching(/certificate/i) as string });
    expect(post.received).toEqual([]);
  });

  test("[D54] mails go by TLS, but on loopback", () => {
    const at = (tls?: "none" | "starttls") => () => open({ server: { host: "mail.example", port: 587, ...(tls ? { tls } : {}) } });
    expect(at("none")).toThrow("mails go by TLS, but on loopback");
    expect(at("starttls")).not.toThrow();
    expect(at()).not.toThrow();
  });

  test("[D52] whom mails are from is an address", () => {
    expect(() => open({ from: { address: "shop" } })).toThrow("this is not the address of one mailbox");
  });
});
