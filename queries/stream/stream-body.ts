import type { StreamClock } from "./stream-clock.ts";

export type StreamBodyParts = {
  readonly pieces: AsyncGenerator<Uint8Array, void>;
  readonly clock: StreamClock;
  /** Called once, when nothing more is sent. */
  readonly ended: () => void;
  readonly onError: (error: unknown) => void;
};

/** An answer's body that is made piece by piece, as the client takes it. */
export class StreamBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Since when a piece waits to be taken; undefined while the client waits for one. */
  waitingSinceMs: number | undefined;
  private over = false;
  private readonly parts: StreamBodyParts;

  constructor(parts: StreamBodyParts) {
    this.parts = parts;
    this.waitingSinceMs = parts.clock.nowMs();
    // A piece is made when the one before it has been taken.
    const strategy = { highWaterMark: 0 };
    this.stream = new ReadableStream<Uint8Array>({ pull: (controller) => this.pull(controller), cancel: () => this.end() }, strategy);
  }

  /** Sends nothing more. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.parts.ended();
  }

  private async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.waitingSinceMs = undefined;
    try {
      const { done, value } = await this.parts.pieces.next();
      if (this.over) return;
      if (done !== true) {
        this.waitingSinceMs = this.parts.clock.nowMs();
        return controller.enqueue(value);
      }
      this.end();
      controller.close();
    } catch (error) {
      this.parts.onError(error);
      this.end();
      controller.error(error);
    }
  }
}
