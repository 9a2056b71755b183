import { readFile } from "node:fs/promises";
import { type Compilation, type CompileOptions, compileTopology } from "./compile-topology.ts";

/** Compiles the file at `path`; places name it so. `${NAME}` is taken from this process unless an environment is given. @throws what reading a file throws */
export async function checkFile(path: string, options: Omit<CompileOptions, "file">): Promise<Compilation> {
  return compileTopology(await readFile(path, "utf8"), { environment: process.env, ...options, file: path });
}
