import type { Report } from "../topology-error.ts";
import type { Tree } from "./yaml-tree.ts";

const secretName = /(?:^|[^a-z])(?:password|passwd|passphrase|secret|token|api-?_?key|private-?_?key|credentials?)$/i;
const secretValue =
  /AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|^[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@$]+@|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abprs]-/;
export const variable = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
/** A camel-case name as words, so that `lowStockToken` ends in a word of its own. */
const words = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, "$1-$2");

/** Where a value stands: `sinks:` look at their settings themselves. */
type Where = "file" | "with" | "sinks";

/** Reports what must not stand in a file: secrets anywhere, and `${NAME}` anywhere but in `with:` and `sinks:`. */
export function checkSecrets(tree: Tree, report: Report, where: Where = "file"): void {
  if (tree.kind === "list") for (const item of tree.items) checkSecrets(item, report, where);
  if (tree.kind === "map") {
    for (const [name, { place, value }] of tree.entries) {
      if (
        where === "with" &&
        value.kind === "scalar" &&
        typeof value.value === "string" &&
        secretName.test(words(name)) &&
        value.text.search(variable) < 0
      ) {
        report("TOPOLOGY_SECRET", place, `"${name}" looks like a secret: give it as \${NAME} from the environment`);
      }
      checkSecrets(value, report, where === "file" && (name === "with" || (name === "sinks" && place.pointer === "/sinks")) ? name : where);
    }
  }
  if (tree.kind !== "scalar" || typeof tree.value !== "string") return;
  if (secretValue.test(tree.text))
    report("TOPOLOGY_SECRET", tree.place, "this looks like a secret: give it as ${NAME} from the environment");
  const at = tree.text.search(variable);
  if (where === "file" && at >= 0)
    report("TOPOLOGY_ENVIRONMENT", tree.at(at), "values of the environment may stand in `with:` and `sinks:` only");
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The tree as plain values, `${NAME}` replaced; a name that is not set is reported. */
export function plainValue(tree: Tree, environment: Environment, report: Report): unknown {
  if (tree.kind === "list") return tree.items.map((item) => plainValue(item, environment, report));
  if (tree.kind === "map") {
    return Object.fromEntries([...tree.entries].map(([name, entry]) => [name, plainValue(entry.value, environment, report)]));
  }
  if (typeof tree.value !== "string") return tree.value;
  return tree.value.replace(variable, (whole, name: string, offset: number) => {
    const value = environment[name];
    if (value === undefined) report("TOPOLOGY_ENVIRONMENT", tree.at(offset), `${whole} is not set in the environment`);
    return value ?? "";
  });
}

/** What stands in `with:` as the file writes it, for whoever looks at the plan: plain values only, and none of the environment's. */
export function shownSettings(tree: Tree | undefined): Readonly<Record<string, string | number | boolean | null>> | undefined {
  if (tree?.kind !== "map") return undefined;
  const shown = [...tree.entries].flatMap(([name, { value }]) =>
    value.kind === "scalar" && value.text.search(variable) < 0 ? [[name, value.value] as const] : [],
  );
  return shown.length === 0 ? undefined : Object.fromEntries(shown);
}
