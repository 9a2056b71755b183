import type { MembershipHooks, TaskId } from "#broker/broker.ts";

/** One member of a group and the queue of its hooks: one at a time, in the order of events; an idle member's hook begins within the call. */
export class Member {
  readonly id: string;
  readonly #hooks: MembershipHooks;
  #tail: Promise<unknown> | undefined;

  constructor(id: string, hooks: MembershipHooks) {
    this.id = id;
    this.#hooks = hooks;
  }

  assigned(tasks: readonly TaskId[], generation: number): Promise<void> {
    return this.#enqueue(() => this.#hooks.assigned(tasks, generation));
  }

  lost(tasks: readonly TaskId[]): Promise<void> {
    return this.#enqueue(() => this.#hooks.lost(tasks));
  }

  ended(reason: string): Promise<void> {
    return this.#enqueue(async () => this.#hooks.ended(reason));
  }

  /** False when the member did not give the tasks back in good order: it took longer than `timeoutMs`, or its hook failed. */
  async revoking(tasks: readonly TaskId[], timeoutMs: number): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const done = this.#enqueue(() => this.#hooks.revoking(tasks)).then(
      () => true,
      () => false,
    );
    const inGoodOrder = await Promise.race([done, late]);
    clearTimeout(timer);
    return inGoodOrder;
  }

  #enqueue(hook: () => Promise<void>): Promise<void> {
    const run = this.#tail === undefined ? start(hook) : this.#tail.then(hook);
    const settled: Promise<unknown> = run.then(
      () => this.#settle(settled),
      () => this.#settle(settled),
    );
    this.#tail = settled;
    return run;
  }

  #settle(settled: Promise<unknown>): void {
    if (this.#tail === settled) this.#tail = undefined;
  }
}

/** A hook that throws at once is a hook whose promise is rejected. */
async function start(hook: () => Promise<void>): Promise<void> {
  await hook();
}
