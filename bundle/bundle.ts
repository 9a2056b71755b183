import { statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { rolldown } from "rolldown";
import { housePlugin } from "./house-plugin.ts";

/** What a bundle was made of, and what it is: path below the root, size in bytes, time of change in ms. `cli/millrace.js` compares it. */
export type Inputs = readonly (readonly [path: string, size: number, changedMs: number])[];

export type Bundled = { readonly files: number; readonly bytes: number; readonly modules: number };

/**
 * Writes the commands of the checkout at `root` into few files in a folder right below it: a start reads these instead of a thousand. Beside them,
 * at the end, it writes what they are and were made of, so that a checkout whose sources have changed since, or whose bundle is damaged, runs its sources.
 */
export async function writeBundle(root: string, name = "dist"): Promise<Bundled> {
  const folder = join(root, name);
  const build = await rolldown({
    input: { main: join(root, "cli/main.ts") },
    platform: "node",
    // It loads a file of its own from its folder.
    external: ["@platformatic/wasm-utils"],
    plugins: [housePlugin(root)],
  });
  try {
    const { output } = await build.write({ dir: folder, format: "esm", cleanDir: true });
    const chunks = output.filter(({ type }) => type === "chunk");
    const modules = new Set(chunks.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : [])));
    const own = [...modules].filter((id) => id.startsWith(root + sep) && !id.includes("node_modules")).toSorted();
    const written = chunks.map(({ fileName }) => join(folder, fileName));
    const inputs: Inputs = [...own, join(root, "package-lock.json"), ...written].map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [path.slice(root.length + 1), size, mtimeMs] as const;
    });
    writeFileSync(join(folder, "inputs.json"), JSON.stringify(inputs));
    const bytes = chunks.reduce((sum, chunk) => sum + (chunk.type === "chunk" ? chunk.code.length : 0), 0);
    return { files: chunks.length, bytes, modules: modules.size };
  } finally {
    await build.close();
  }
}
