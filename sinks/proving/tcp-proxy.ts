import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** `cut`: nobody is let in. `stall`: nothing passes, and nobody is told. `mute`: what is asked is done, and its answer is lost with the line. */
export type ProxyState = "open" | "cut" | "stall" | "mute";

/** Between a client and a server, on loopback; does to the bytes what networks do. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #asks: (bytes: Buffer) => boolean;
  readonly #sockets = new Set<Socket>();
  #state: ProxyState = "open";

  private constructor(target: number, asks: (bytes: Buffer) => boolean) {
    this.#target = target;
    this.#asks = asks;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** @param asks whether bytes of a client ask for the work whose answer `mute` loses; handshakes pass */
  static async open(target: number, asks: (bytes: Buffer) => boolean): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, asks);
    await new Promise<void>((settle) => void proxy.#server.listen(0, "127.0.0.1", settle));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** A line that was cut, stalled or muted is not mended by `open`: it is reset, and a new one passes. */
  enter(state: ProxyState): void {
    const before = this.#state;
    this.#state = state;
    if (state === "cut" || before === "stall") for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.enter("cut");
    await new Promise<void>((settle) => void this.#server.close(() => settle()));
  }

  #accept(client: Socket): void {
    this.#keep(client);
    if (this.#state === "cut") return void client.resetAndDestroy();
    const server = connect({ host: "127.0.0.1", port: this.#target });
    this.#keep(server);
    let muted = false;
    client.on("data", (bytes: Buffer) => {
      if (this.#state === "stall") return;
      muted ||= this.#state === "mute" && this.#asks(bytes);
      server.write(bytes);
    });
    server.on("data", (bytes: Buffer) => {
      if (muted) client.resetAndDestroy();
      else if (this.#state !== "stall") client.write(bytes);
    });
    client.on("close", () => server.end());
    server.on("close", () => client.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
  }
}
