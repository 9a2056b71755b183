import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SinkFault } from "#engine/delivery/conformance.ts";

/** A request with its whole body, and where it is answered. */
export type Taken = { readonly request: IncomingMessage; readonly body: string; readonly response: ServerResponse };

/** A server that a sink posts to, with the faults of the conformance suite: it may be away and come back at the same port; the rest its owner does. */
export class HttpReceiver {
  fault: SinkFault = "none";
  /** How many were ever made to it. */
  connections = 0;
  readonly #server;
  #port = 0;

  constructor(take: (taken: Taken) => void) {
    const read = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      take({ request, body: Buffer.concat(parts).toString(), response });
    };
    this.#server = createServer((request, response) => void read(request, response)).on("connection", () => (this.connections += 1));
  }

  async open(): Promise<void> {
    await new Promise<void>((settle) => this.#server.listen(this.#port, "127.0.0.1", settle));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  urlOf(path: string): URL {
    return new URL(path, `http://127.0.0.1:${this.#port}`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise<void>((settle) => void this.#server.close(() => settle()));
  }

  async behave(fault: SinkFault): Promise<void> {
    this.fault = fault;
    if (fault === "down") await this.close();
    else if (!this.#server.listening) await this.open();
    if (fault === "none") this.#server.closeAllConnections();
  }
}
