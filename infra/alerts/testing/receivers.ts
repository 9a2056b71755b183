import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";

export type Receiver = { readonly port: number; readonly received: readonly string[]; close(): void };

/** Stands in for Slack's incoming webhooks: keeps the bodies, answers `ok` as Slack does. */
export async function startSlack(): Promise<Receiver> {
  const received: string[] = [];
  const server = createHttpServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push(body);
      response.end("ok");
    });
  });
  const port = await listening(server);
  return { port, received, close: () => (server.closeAllConnections(), server.close()) };
}

/** Stands in for a mail server: takes each mail (RFC 5321, no extensions) and keeps its text. */
export async function startMail(): Promise<Receiver> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.write("220 mail.test\r\n");
    let waiting = "";
    let mail: string[] | undefined;
    socket.on("data", (chunk) => {
      waiting += chunk.toString();
      for (let end = waiting.indexOf("\r\n"); end >= 0; end = waiting.indexOf("\r\n")) {
        const line = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        if (mail !== undefined && line !== ".") mail.push(line);
        else if (mail !== undefined) {
          received.push(mail.join("\n"));
          mail = undefined;
          socket.write("250 taken\r\n");
        } else if (/^DATA$/i.test(line)) {
          mail = [];
          socket.write("354 go on\r\n");
        } else if (/^QUIT$/i.test(line)) socket.end("221 bye\r\n");
        else socket.write("250 mail.test\r\n");
      }
    });
  });
  const port = await listening(server);
  return { port, received, close: () => (sockets.forEach((socket) => socket.destroy()), server.close()) };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  return (server.address() as AddressInfo).port;
}
