import { closeSync, openSync, readSync } from "node:fs";
import { parseTold, type Told } from "../told-line.ts";

/** What k6 was told, as it writes it: `more` gives what came since it was asked last. */
export class ToldFile {
  readonly #path: string;
  readonly #chunk = Buffer.allocUnsafe(1 << 20);
  #file: number | undefined;
  #at = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  *more(): Generator<Told> {
    this.#file ??= this.#open();
    if (this.#file === undefined) return;
    while (true) {
      const bytes = readSync(this.#file, this.#chunk, 0, this.#chunk.length, this.#at);
      if (bytes === 0) return;
      this.#at += bytes;
      // ASCII only, so no character is ever cut.
      const lines = (this.#rest + this.#chunk.toString("latin1", 0, bytes)).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) {
        const told = parseTold(line);
        if (told !== undefined) yield told;
      }
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number | undefined {
    try {
      return openSync(this.#path, "r");
    } catch (error) {
      // k6 has not begun.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}
