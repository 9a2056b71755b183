import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export type Request = { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string };

/** Whoever is posted to, on loopback; gone with the test. `status` says what it answers; 0: the line breaks; `silent`: it answers nothing. */
export type Receiver = { readonly url: string; readonly requests: Request[]; status: number; silent: boolean };

export async function openReceiver(): Promise<Receiver> {
  const requests: Request[] = [];
  const receiver = { url: "", requests, status: 200, silent: false };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (receiver.status === 0) return void request.socket.destroy();
      requests.push({ path: request.url!, headers: request.headers, body: Buffer.concat(parts).toString() });
      if (receiver.silent) return;
      response.writeHead(receiver.status).end(receiver.status === 200 ? "ok" : "no");
    });
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}
