/** Kafka's brokers refuse longer requests unless told otherwise (`socket.request.max.bytes`). */
const maxFrameBytes = 100 << 20;

/** A part of one frame as it came over the wire; frames are never gathered whole. */
export type FramePart = {
  /** The frame's first bytes, length included, with its first part only. */
  readonly head: Buffer | undefined;
  readonly bytes: Buffer;
  /** Length of the whole frame with its four bytes of length. */
  readonly frameBytes: number;
  readonly last: boolean;
};

/** Cuts a stream of Kafka's length-prefixed frames at their borders. Keeps at most `headBytes` between chunks, and copies nothing else. */
export class FrameCutter {
  readonly #headBytes;
  #begun: Buffer = Buffer.alloc(0);
  #frameBytes = 0;
  #left = 0;

  /** @param headBytes how much of a frame must be known before any of it is given out; no frame is shorter */
  constructor(headBytes: number) {
    this.#headBytes = headBytes;
  }

  /** True where one frame has ended and no other has begun. */
  get between(): boolean {
    return this.#left === 0 && this.#begun.length === 0;
  }

  /** @throws {RangeError} what comes is no frame: TLS, another protocol */
  *cut(chunk: Buffer): Generator<FramePart, void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const bytes = chunk.subarray(at, at + this.#left);
        at += bytes.length;
        yield this.#part(undefined, bytes);
        continue;
      }
      const rest = this.#begun.length === 0 ? chunk.subarray(at) : Buffer.concat([this.#begun, chunk.subarray(at)]);
      if (rest.length < this.#headBytes) {
        this.#begun = Buffer.from(rest);
        return;
      }
      const size = rest.readInt32BE(0);
      if (size < this.#headBytes - 4 || size > maxFrameBytes) throw new RangeError(`no frame of Kafka's: ${size} bytes`);
      this.#frameBytes = this.#left = size + 4;
      const bytes = rest.subarray(0, this.#left);
      at += bytes.length - this.#begun.length;
      this.#begun = Buffer.alloc(0);
      yield this.#part(bytes.subarray(0, this.#headBytes), bytes);
    }
  }

  #part(head: Buffer | undefined, bytes: Buffer): FramePart {
    this.#left -= bytes.length;
    return { head, bytes, frameBytes: this.#frameBytes, last: this.#left === 0 };
  }
}
