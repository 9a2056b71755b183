type Request = { readonly run: () => Promise<void> | void; readonly settle: (error?: unknown) => void };

/** What others ask of a loop, done between two of its turns, in the order asked. */
export class Requests {
  private waiting: Request[] = [];

  get pending(): boolean {
    return this.waiting.length > 0;
  }

  /** Settles when `run` has, at a moment of the loop's. */
  ask(run: () => Promise<void> | void): Promise<void> {
    return new Promise((settle, reject) => {
      this.waiting.push({ run, settle: (error) => (error === undefined ? settle() : reject(error)) });
    });
  }

  async serve(): Promise<void> {
    for (const { run, settle } of this.take()) {
      try {
        await run();
        settle();
      } catch (error) {
        settle(error);
      }
    }
  }

  /** The loop has ended: what waits is not done, and need not be. */
  end(): void {
    for (const { settle } of this.take()) settle();
  }

  private take(): Request[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }
}
