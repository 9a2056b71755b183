import type { Socket } from "node:net";
import type { Address } from "../wire/cluster.ts";
import { FrameCutter } from "./frames.ts";
import { Lane } from "./lane.ts";

/** A request that a client of ours sends, as its header says; `bytes` with the four of the length. */
export type ProxiedRequest = {
  readonly api: number;
  readonly version: number;
  readonly correlationId: number;
  readonly bytes: number;
  /** The broker it goes to. */
  readonly node: Address;
};

/** `undone`: not passed on. `done`: passed on, its answer dropped. Both close the connection, and nothing that was sent behind it is passed on. */
export type Verdict = "pass" | "undone" | "done";

export type ConnectionRules = {
  readonly delayMs: () => number;
  readonly open: () => Promise<void> | undefined;
  /** Asked before any byte of a request is passed on; the request waits for it. */
  readonly judge: (request: ProxiedRequest) => Promise<Verdict>;
  /** Told before any byte of an answer is passed on or dropped; the answer waits for it. */
  readonly answered: (request: ProxiedRequest, bytes: number) => Promise<void>;
  readonly failed: (error: unknown) => void;
  readonly closed: () => void;
};

type Pending = { readonly request: ProxiedRequest; readonly lost: boolean };

const requestHeadBytes = 12;
const answerHeadBytes = 8;

/** A client's connection and the one to the broker behind it. Each side's half-close, end and reset reaches the other. */
export class ProxiedConnection {
  readonly #client;
  readonly #broker;
  readonly #node;
  readonly #rules;
  readonly #requests = new FrameCutter(requestHeadBytes);
  readonly #answers = new FrameCutter(answerHeadBytes);
  readonly #lanes: readonly Lane[];
  /** Brokers answer a connection's requests in order. */
  readonly #pending: Pending[] = [];
  #answering: Pending | undefined;
  /** `next`: no request after the one under way passes. */
  #shut: "no" | "next" | "now" = "no";
  #dropped = false;
  #open = 2;

  constructor(client: Socket, broker: Socket, about: { readonly node: Address; readonly rules: ConnectionRules }) {
    this.#client = client;
    this.#broker = broker;
    this.#node = about.node;
    this.#rules = about.rules;
    this.#lanes = [
      this.#couple(client, broker, { delayMs: () => 0, pass: (chunk) => this.#passRequests(chunk) }),
      this.#couple(broker, client, { delayMs: about.rules.delayMs, pass: (chunk) => this.#passAnswers(chunk) }),
    ];
  }

  /** Ends both sides at once; what was under way is lost. */
  drop(): void {
    this.#abandon();
    this.#client.resetAndDestroy();
  }

  /** Ends both sides once the client has what was answered. */
  #dismiss(): void {
    this.#abandon();
    this.#client.destroySoon();
  }

  #abandon(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    for (const lane of this.#lanes) lane.abandon();
    this.#broker.destroy();
  }

  #couple(from: Socket, to: Socket, rules: Pick<ConstructorParameters<typeof Lane>[1], "delayMs" | "pass">): Lane {
    let ended = false;
    let gone = false;
    from.setNoDelay(true);
    // An error is followed by a close that says so.
    from.on("error", () => undefined);
    from.once("close", (broken: boolean) => {
      gone = true;
      if (broken || !from.readableEnded) this.drop();
      else if (ended) to.destroySoon();
      if (--this.#open === 0) this.#rules.closed();
    });
    return new Lane(from, {
      ...rules,
      open: this.#rules.open,
      ended: () => {
        ended = true;
        if (gone) to.destroySoon();
        else to.end();
      },
      failed: (error) => {
        this.drop();
        this.#rules.failed(error);
      },
    });
  }

  async #passRequests(chunk: Buffer): Promise<void> {
    for (const { head, bytes, frameBytes } of this.#requests.cut(chunk)) {
      if (head !== undefined) {
        if (this.#shut === "next") this.#shut = "now";
        if (this.#shut === "no") await this.#admit(head, frameBytes);
      }
      if (this.#dropped || this.#shut === "now") return;
      await this.#write(this.#broker, bytes);
    }
  }

  async #admit(head: Buffer, bytes: number): Promise<void> {
    const request = { api: head.readInt16BE(4), version: head.readInt16BE(6), correlationId: head.readInt32BE(8), bytes, node: this.#node };
    const verdict = await this.#rules.judge(request);
    if (verdict !== "undone") this.#pending.push({ request, lost: verdict === "done" });
    else if (this.#pending.length === 0) this.#dismiss();
    if (verdict !== "pass") this.#shut = verdict === "done" ? "next" : "now";
  }

  async #passAnswers(chunk: Buffer): Promise<void> {
    for (const { head, bytes, frameBytes, last } of this.#answers.cut(chunk)) {
      if (head !== undefined) {
        const id = head.readInt32BE(4);
        // Produce with acks=0 has no answer.
        do this.#answering = this.#pending.shift();
        while (this.#answering !== undefined && this.#answering.request.correlationId !== id);
        if (this.#answering === undefined) throw new RangeError(`the broker answers ${id}, which was not asked`);
        await this.#rules.answered(this.#answering.request, frameBytes);
      }
      if (this.#dropped) return;
      const lost = this.#answering?.lost === true;
      if (!lost) await this.#write(this.#client, bytes);
      if (last && (lost || (this.#shut === "now" && this.#pending.length === 0))) return this.#dismiss();
    }
  }

  async #write(to: Socket, bytes: Buffer): Promise<void> {
    if (to.destroyed || to.write(bytes)) return;
    await new Promise<void>((go) => {
      const settle = (): void => {
        to.off("drain", settle).off("close", settle);
        go();
      };
      to.once("drain", settle).once("close", settle);
    });
  }
}
