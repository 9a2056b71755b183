import { createHash } from "node:crypto";
import { createTransport } from "nodemailer";
import type { Delivery, DeliveryResult, Sink, SinkLimits } from "@millrace/engine";
import { checkAddress, type EmailMessage, mailOf } from "./email-message.ts";

export type SmtpServer = {
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte (port 465); `starttls`: asked for, and nothing is said without it; `none`: on loopback only, where it is the default. */
  readonly tls?: "implicit" | "starttls" | "none";
  /** PEM of whoever signed the server's certificate, where the system does not know it. */
  readonly ca?: string;
};

export type EmailOptions = {
  readonly server: SmtpServer;
  /** From the environment; in no log and no result. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Whom mails are from: an address, with a name where one shall be shown. */
  readonly from: { readonly address: string; readonly name?: string };
  /** What is sent of a record. @throws what then refuses the record, as `unrenderable` */
  readonly render: (record: Delivery) => EmailMessage;
  /** Connections at most, for all partitions together. */
  readonly connections?: number;
};

/** A mail or its recipient was refused; any other error is of the line, the login or the server. */
const faultsOfMail = new Set(["EENVELOPE", "EMESSAGE"]);
/** They ask for a login or for TLS (RFC 4954, RFC 3207), so they say nothing of the mail. */
const answersOfLogin = new Set([530, 534, 535, 538]);
const answerChars = 1000;
const loopback = new Set(["localhost", "127.0.0.1", "::1"]);

type SmtpError = Error & { readonly code?: string; readonly responseCode?: number; readonly response?: string };

/**
 * Sends each record as a mail to one address, over a pool of connections. A mail that is sent again has the same Message-ID, by which a receiver can tell; mail
 * servers drop no repeats, so it is at least once. A 4xx, a broken line and a login that fails are tried again; a 5xx refuses the record with the answer [D50–D54].
 */
export class EmailSink implements Sink {
  readonly limits: SinkLimits;
  readonly #transport;
  readonly #from: { readonly address: string; readonly name: string };
  readonly #render;

  /** @throws {TypeError} when mails would cross a network in the clear @throws {RangeError} when `from` is no address */
  constructor({ server, login, from, render, connections = 5 }: EmailOptions) {
    const { host, port, ca } = server;
    const isNear = loopback.has(host);
    const { tls = isNear ? "none" : port === 465 ? "implicit" : "starttls" } = server;
    if (tls === "none" && !isNear) throw new TypeError("mails go by TLS, but on loopback");
    checkAddress(from.address);
    this.#from = { name: "", ...from };
    this.#render = render;
    this.limits = { records: connections, bytes: 4 << 20, calls: 1 };
    this.#transport = createTransport({
      pool: true,
      host,
      port,
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "none",
      ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
      ...(ca === undefined ? {} : { tls: { ca } }),
      maxConnections: connections,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 30_000,
      // Lanes and breaker have to see what fails.
      maxRequeues: 0,
      logger: false,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    return Promise.all(batch.map((record) => this.#send(record, signal)));
  }

  async close(): Promise<void> {
    this.#transport.close({ force: true });
  }

  async #send(record: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    let mail: ReturnType<typeof mailOf>;
    try {
      mail = mailOf(this.#render(record), { from: this.#from, messageId: messageIdOf(record.id, this.#from.address) });
    } catch (error) {
      return { kind: "refused", reason: "unrenderable", answer: (error as Error).message };
    }
    try {
      await this.#transport.sendMail({ ...mail, signal });
      return { kind: "delivered" };
    } catch (error) {
      return resultOf(error as SmtpError);
    }
  }
}

/** The Message-ID of a record (RFC 5322, 3.6.4): the same each time, and of this record and no other. */
export function messageIdOf(id: string, from: string): string {
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 40);
  return `<${hash}@${from.slice(from.lastIndexOf("@") + 1)}>`;
}

function resultOf({ code = "", responseCode, response = "", message }: SmtpError): DeliveryResult {
  // What a server says to a login is not passed on: some repeat it.
  if (responseCode === undefined)
    return code === "EAUTH" ? { kind: "retry", reason: "smtp-login" } : { kind: "retry", reason: message, unanswered: true };
  const reason = `smtp-${responseCode}`;
  const ofMail = faultsOfMail.has(code) && responseCode >= 500 && !answersOfLogin.has(responseCode);
  // 503 is about the order of commands (RFC 5321, 4.2.2): a connection has lost its way, not the mail.
  if (!ofMail || responseCode === 503) return { kind: "retry", reason };
  return { kind: "refused", reason, answer: response.slice(0, answerChars) };
}
