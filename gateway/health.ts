/** What the gateway needs before it may be sent to, by name, and what each says of itself. */
export type Dependency = { readonly ready: boolean; readonly detail: string };

/** Readiness begins as "not": a gateway that never spoke to its log has nothing to say for it. Draining is the end of readiness. */
export class Health {
  readonly #dependencies = new Map<string, Dependency>();
  #draining = false;

  constructor(names: readonly string[]) {
    for (const name of names) this.#dependencies.set(name, { ready: false, detail: "starting" });
  }

  get draining(): boolean {
    return this.#draining;
  }

  get ready(): boolean {
    return !this.#draining && [...this.#dependencies.values()].every(({ ready }) => ready);
  }

  set(name: string, dependency: Dependency): void {
    this.#dependencies.set(name, dependency);
  }

  drain(): void {
    this.#draining = true;
  }

  report(): { readonly status: "ready" | "unready" | "draining"; readonly dependencies: Readonly<Record<string, Dependency>> } {
    const status = this.#draining ? "draining" : this.ready ? "ready" : "unready";
    return { status, dependencies: Object.fromEntries(this.#dependencies) };
  }
}
