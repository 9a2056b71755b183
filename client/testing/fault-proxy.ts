import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../../schemas/testing/seeded-random.ts";

export type Faults = { readonly cutRequest: number; readonly lostAnswer: number; readonly slow: number; readonly refused: number };

const refusal = `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 104\r\n\r\n${JSON.stringify(
  { type: "/problems/temporary-reduced-capacity", title: "too much waits", status: 503, detail: "by the proxy" },
).padEnd(104)}`;

/** Stands between client and server, and treats what passes as networks do: by chance, each fault with its probability. */
export class FaultProxy {
  readonly seen = { cutRequest: 0, lostAnswer: 0, slow: 0, refused: 0 };
  faults: Faults;
  readonly #target: () => number;
  readonly #random: SeededRandom;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(target: () => number, faults: Faults, random: SeededRandom) {
    this.#target = target;
    this.faults = faults;
    this.#random = random;
    this.#server = createServer((client) => this.#carry(client));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((settle) => this.#server.close(settle));
  }

  #carry(client: Socket): void {
    const server = connect(this.#target(), "127.0.0.1");
    const both = [client, server];
    const end = (): void => both.forEach((socket) => void socket.destroy());
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on("data", (chunk: Buffer) => {
      if (this.#happens("cutRequest")) {
        server.write(chunk.subarray(0, chunk.length >> 1), end);
      } else if (this.#happens("refused")) {
        server.destroy();
        client.end(refusal);
      } else server.write(chunk);
    });
    let carried = Promise.resolve();
    server.on("data", (chunk: Buffer) => {
      if (this.#happens("lostAnswer")) return end();
      const slow = this.#happens("slow");
      carried = carried.then(async () => {
        if (slow) await sleep(this.#random.between(5, 60));
        if (!client.destroyed) client.write(chunk);
      });
    });
  }

  #happens(fault: keyof Faults): boolean {
    const happens = this.#random.chance(this.faults[fault]);
    if (happens) this.seen[fault]++;
    return happens;
  }
}
