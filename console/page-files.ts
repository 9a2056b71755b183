import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of the page by its address. `lasting`: its name changes with its content. */
export type PageFile = { readonly path: string; readonly body: Buffer; readonly lasting: boolean };

/** What a built page was made of, and what it is: path below the checkout, size in bytes, time of change in ms. */
export type PageInputs = readonly (readonly [path: string, size: number, changedMs: number])[];

const assets = fileURLToPath(new URL("./assets/", import.meta.url));
const root = join(assets, "../..");
const builtFolder: string = fileURLToPath(new URL("./dist/", import.meta.url));

/** A module of a package that the page loads, and its licence: where they lie, seen from the package's main file. */
export type PagePackage = { readonly name: string; readonly file: string; readonly licence: string };

/** By the address under which the page's scripts name it. */
export const pagePackages: Readonly<Record<string, PagePackage>> = {
  "/console/packages/dagre.js": { name: "@dagrejs/dagre", file: "dagre.esm.js", licence: "../LICENSE" },
  "/console/packages/uplot.js": { name: "uplot", file: "uPlot.esm.js", licence: "../LICENSE" },
};

/** Where the module of a package lies. */
export const packageFile = ({ name, file }: PagePackage): string => join(folderOf(name), file);

/** What has to stand above it wherever it goes. */
export const licenceComment = ({ name, licence }: PagePackage): string =>
  `/*!\n${name}\n\n${readFileSync(join(folderOf(name), licence), "utf8").trim()}\n*/\n`;

const folderOf = (name: string): string => dirname(createRequire(import.meta.url).resolve(name));

/**
 * The files of the page: those that `npm run bundle` built, as long as they are of these sources and whole, else the sources, which browsers run
 * as they are. [LP3]
 */
export function pageFiles(folder: string = builtFolder): readonly PageFile[] {
  return builtFiles(folder) ?? sourceFiles();
}

/** The page as its sources say it. */
export function sourceFiles(): readonly PageFile[] {
  const own = readdirSync(assets, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: addressOf(file.slice(assets.length).replaceAll(sep, "/")), body: readFileSync(file), lasting: false }));
  const packages = Object.entries(pagePackages).map(([path, one]) => ({ path, body: licensed(one), lasting: false }));
  return [...own, ...packages];
}

function builtFiles(folder: string): readonly PageFile[] | undefined {
  try {
    const inputs = JSON.parse(readFileSync(join(folder, "inputs.json"), "utf8")) as PageInputs;
    const whole = inputs.every(([path, size, changedMs]) => {
      const now = statSync(join(root, path), { throwIfNoEntry: false });
      return now?.size === size && now.mtimeMs === changedMs;
    });
    if (!whole) return undefined;
    return readdirSync(folder)
      .filter((name) => name !== "inputs.json")
      .map((name) => ({ path: addressOf(name), body: readFileSync(join(folder, name)), lasting: /-[\w-]{8}\.\w+$/.test(name) }));
  } catch {
    // Never built, or half: the sources are as good, only more of them.
    return undefined;
  }
}

const licensed = (one: PagePackage): Buffer => Buffer.concat([Buffer.from(licenceComment(one)), readFileSync(packageFile(one))]);

const addressOf = (name: string): string => (name === "index.html" ? "/" : `/console/${name}`);
