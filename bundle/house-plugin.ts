import { dirname, join, relative, resolve, sep } from "node:path";
import type { Plugin, PluginContext } from "rolldown";

/** A thread or an asset, by where it lies beside the file that names it. */
const neighbour = /new URL\("(\.\.?\/[^"]*)", import\.meta\.url\)/g;

/** The library makes one when it is loaded, and its clients, which are not here, validate options by it. */
const noValidator = "\0no-validator";

/**
 * Rolldown's plugin for what our sources ask of the place where they lie: threads become entries of their own, and whatever else is named by
 * `import.meta` stays where it is in the checkout at `root`, seen from a flat folder right below it. Of the Kafka library it takes the parts that
 * `kafka-library-parts.ts` requires, without the validators of its clients.
 */
export function housePlugin(root: string): Plugin {
  const kafka = join(root, "engine/broker/kafka/wire");
  const library = join(root, "node_modules/@platformatic/kafka/dist");
  return {
    name: "house",
    async resolveId(source, importer) {
      if (source.endsWith("/clients/base/options.js") && importer === join(library, "network/connection.js"))
        return join(kafka, "client-software.ts");
      if (source === "ajv/dist/2020.js" && importer === join(library, "utils.js")) return noValidator;
      if (!importer?.startsWith(library)) return undefined;
      const resolved = await this.resolve(source, importer, { skipSelf: true });
      // Modules that only define things: what nobody uses of them, the other protocol versions above all, is left out.
      return resolved === null ? undefined : { ...resolved, moduleSideEffects: false };
    },
    load(id) {
      if (id === noValidator) return "export class Ajv2020 { addKeyword() {} }";
      return id === join(kafka, "kafka-library-parts.ts") ? partsOf(library) : undefined;
    },
    transform(code, id) {
      if (!id.startsWith(root + sep) || id.includes("node_modules") || !code.includes("import.meta.")) return undefined;
      return { code: placed(this, code, { root, id }) };
    },
  };
}

/** The file name that an entry has in the bundle. */
export const entryName = (root: string, file: string): string => relative(root, file).replaceAll(sep, "-").replace(/\.ts$/, ".js");

function partsOf(library: string): string {
  const parts = { apis: "apis/index.js", errors: "errors.js", network: "network/connection-pool.js", protocol: "protocol/index.js" };
  return Object.entries(parts)
    .map(([name, file]) => `export * as ${name} from ${JSON.stringify(join(library, file))};`)
    .join("\n");
}

function placed(context: PluginContext, code: string, { root, id }: { readonly root: string; readonly id: string }): string {
  const fromBundle = (path: string): string => `../${relative(root, path).replaceAll(sep, "/")}`;
  const urlOf = (path: string): string => `new URL(${JSON.stringify(path)}, import.meta.url)`;
  const withNeighbours = code.replaceAll(neighbour, (_, path: string) => {
    const file = resolve(dirname(id), path);
    if (!file.endsWith(".ts")) return mark(urlOf(fromBundle(file) + (path.endsWith("/") ? "/" : "")));
    const fileName = entryName(root, file);
    context.emitFile({ type: "chunk", id: file, fileName });
    return mark(urlOf(`./${fileName}`));
  });
  const here = `import.meta.dirname + ${JSON.stringify(`/${fromBundle(dirname(id))}`)}`;
  return withNeighbours
    .replaceAll(/import\.meta\.dirname/g, `(${here})`)
    .replaceAll(/import\.meta\.url/g, `${urlOf(fromBundle(id))}.href`)
    .replaceAll(done, "import.meta.url");
}

/** What is written already is not written again. */
const done = "import.meta.placed";
const mark = (text: string): string => text.replace("import.meta.url", done);
