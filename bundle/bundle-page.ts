import { hash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { rolldown } from "rolldown";
import { licenceComment, packageFile, pagePackages, type PageInputs } from "#console/page-files.ts";

export type BundledPage = { readonly files: number; readonly bytes: number; readonly modules: number };

const scriptTag = /<script type="module" src="\/console\/([^"]+)"><\/script>/g;
const styleTag = /[ \t]*<link rel="stylesheet" href="\/console\/([^"]+)">\n/g;

/**
 * Writes the live page of the checkout at `root` into few files named by their content: each script that `index.html` names becomes one, with what
 * they share beside them, and all stylesheets one. Last it writes what they are and were made of, by which the server knows whether to take them.
 */
export async function writePage(root: string, folder: string = join(root, "console/dist")): Promise<BundledPage> {
  const assets = join(root, "console/assets");
  const html = readFileSync(join(assets, "index.html"), "utf8");
  const scripts = [...html.matchAll(scriptTag)].map(([, name]) => name!);
  const styles = [...html.matchAll(styleTag)].map(([, name]) => name!);
  const build = await rolldown({
    input: Object.fromEntries(scripts.map((name) => [name.replace(/\.js$/, "").replaceAll("/", "-"), join(assets, name)])),
    platform: "browser",
    plugins: [
      {
        name: "packages",
        resolveId: (source) => (Object.hasOwn(pagePackages, source) ? packageFile(pagePackages[source]!) : undefined),
      },
    ],
  });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const packages = new Map(Object.values(pagePackages).map((one) => [packageFile(one), one]));
    const banner = ({ moduleIds }: { readonly moduleIds: readonly string[] }): string =>
      moduleIds.flatMap((id) => (packages.has(id) ? [licenceComment(packages.get(id)!)] : [])).join("");
    const named = { entryFileNames: "[name]-[hash].js", chunkFileNames: "[name]-[hash].js" };
    const { output } = await build.write({ dir: folder, format: "esm", minify: true, banner, ...named });
    const chunks = output.filter((one) => one.type === "chunk");
    const modules = new Set(chunks.flatMap(({ moduleIds }) => moduleIds));
    const fileOf = new Map(chunks.filter(({ isEntry }) => isEntry).map(({ facadeModuleId, fileName }) => [facadeModuleId, fileName]));
    const sheet = styles.map((name) => readFileSync(join(assets, name), "utf8")).join("");
    const sheetName = `page-${hash("sha256", sheet, "base64url").slice(0, 8)}.css`;
    writeFileSync(join(folder, sheetName), sheet);
    writeFileSync(join(folder, "index.html"), builtHtml(html, { fileOf: (name) => fileOf.get(join(assets, name))!, sheetName }));
    for (const name of readdirSync(assets)) if (name.endsWith(".svg")) copyFileSync(join(assets, name), join(folder, name));
    const written = readdirSync(folder).map((name) => join(folder, name));
    const inputs: PageInputs = [
      ...sourcesBelow(assets),
      ...[...modules].filter((id) => !id.startsWith(assets) && existsSync(id)),
      ...written,
    ].map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [relative(root, path), size, mtimeMs] as const;
    });
    writeFileSync(join(folder, "inputs.json"), JSON.stringify(inputs));
    return { files: written.length, bytes: written.reduce((sum, path) => sum + statSync(path).size, 0), modules: modules.size };
  } finally {
    await build.close();
  }
}

function builtHtml(
  html: string,
  { fileOf, sheetName }: { readonly fileOf: (script: string) => string; readonly sheetName: string },
): string {
  let sheets = 0;
  return html
    .replaceAll(scriptTag, (_, name: string) => `<script type="module" src="/console/${fileOf(name)}"></script>`)
    .replaceAll(styleTag, () => (sheets++ === 0 ? `    <link rel="stylesheet" href="/console/${sheetName}">\n` : ""));
}

/** A file that is new, or gone, shows in its folder only by the list: so all of them are named, whether a script loads them or not. */
const sourcesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.parentPath, entry.name].join(sep));
