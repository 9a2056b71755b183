import { readFile } from "node:fs/promises";
import { type Compilation, type CompileOptions, compileTopology } from "./compile-topology.ts";

export type { Compilation, Compiled } from "./compile-topology.ts";

/** Reads and compiles a file; places name it by `path`. `${NAME}` is taken from this process's environment unless another is given. @throws what reading a file throws */
export async function loadTopology(path: string, options: Omit<CompileOptions, "file">): Promise<Compilation> {
  return compileTopology(await readFile(path, "utf8"), { environment: process.env, ...options, file: path });
}
