import { once } from "node:events";
import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";

/** Stands between a page and the streams of its server, and says in their midst what a server says whose tasks have no owner for a while. */
export class StreamRelay {
  readonly #readers = new Set<{ readonly response: ServerResponse; held: string[] | undefined }>();
  readonly #server = createServer((request, response) => {
    // What belongs to one event is passed on at once, so that nothing is said within another.
    const reader: { readonly response: ServerResponse; held: string[] | undefined } = { response, held: undefined };
    const asked = get(`${this.origin}${request.url!}`, { headers: { ...request.headers, host: new URL(this.origin).host } }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      this.#readers.add(reader);
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        const events = (text + chunk).split(/(?<=\n\n)/);
        text = events.at(-1)!.endsWith("\n\n") ? "" : events.pop()!;
        if (reader.held === undefined) response.write(events.join(""));
        else reader.held.push(...events);
      });
      answer.on("end", () => response.end());
    });
    asked.on("error", () => response.destroy());
    response.on("close", () => {
      this.#readers.delete(reader);
      asked.destroy();
    });
  });
  readonly origin: string;

  constructor(origin: string) {
    this.origin = origin;
  }

  /** Leads the streams of a page through here. */
  async between(page: Page): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    const { port } = this.#server.address() as AddressInfo;
    await page.route("**/v1/queries/*/stream*", (route) => {
      const url = new URL(route.request().url());
      url.port = String(port);
      return route.continue({ url: url.href });
    });
  }

  /** Says `waiting` on every stream, and nothing else until `goOn`; answers how many there are. */
  wait(why: { readonly code: string; readonly detail: string }): number {
    for (const reader of this.#readers) {
      reader.held = [];
      reader.response.write(`event: waiting\ndata: ${JSON.stringify(why)}\n\n`);
    }
    return this.#readers.size;
  }

  goOn(): void {
    for (const reader of this.#readers) {
      if (reader.held !== undefined) reader.response.write(reader.held.join(""));
      reader.held = undefined;
    }
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
