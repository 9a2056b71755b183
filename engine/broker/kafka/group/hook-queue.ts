/** Runs hooks one at a time, in the order in which they were called; a hook that throws at once is one whose promise is rejected. */
export class HookQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run(hook: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(hook);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Resolves when all that was called so far has ended. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
