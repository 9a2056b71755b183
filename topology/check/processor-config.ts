import type { Processor } from "@millrace/engine";
import { didYouMean } from "../did-you-mean.ts";
import { plainValue } from "../parse/secrets.ts";
import type { NodeSyntax } from "../parse/syntax.ts";
import type { Tree } from "../parse/yaml-tree.ts";
import type { Place } from "../topology-error.ts";
import type { Elaboration } from "./elaboration.ts";

/** What a schema library says of one mistake, as far as it is shown: zod's words. */
type Issue = { readonly path: readonly PropertyKey[]; readonly message: string; readonly keys?: readonly string[] };

/** The settings in `with:` as plain values; what the processor's schema refuses is reported at its place. */
export function readConfig(node: NodeSyntax, processor: Processor, { environment, report }: Elaboration): unknown {
  let isComplete = true;
  const settings =
    node.with === undefined
      ? {}
      : plainValue(node.with, environment, (code, place, message) => {
          isComplete = false;
          report(code, place, message);
        });
  try {
    processor.config.parse(settings);
  } catch (error) {
    const issues = issuesOf(error);
    if (issues === undefined) throw error;
    if (!isComplete) return settings;
    for (const issue of issues) reportIssue(issue, { node, processor, report });
  }
  return settings;
}

function issuesOf(error: unknown): readonly Issue[] | undefined {
  const issues = error instanceof Error ? (error as { issues?: unknown }).issues : undefined;
  return Array.isArray(issues) ? (issues as Issue[]) : undefined;
}

type Reporting = { readonly node: NodeSyntax; readonly processor: Processor; readonly report: Elaboration["report"] };

function reportIssue({ path, message, keys }: Issue, { node, processor, report }: Reporting): void {
  const names = path.map(String);
  for (const key of keys ?? []) {
    const place = placeAt(node, [...names, key]);
    report("TOPOLOGY_PROCESSOR_CONFIG", place, `${processor.name} has no setting "${key}"${didYouMean(key, settingsOf(processor))}`);
  }
  if (keys !== undefined) return;
  const expected = /expected (\S+), received undefined$/.exec(message)?.[1];
  if (expected !== undefined && names.length > 0) {
    report("TOPOLOGY_PROCESSOR_CONFIG", placeAt(node, names), `${processor.name} needs the setting "${names.join(".")}" (${expected})`);
    return;
  }
  const what = names.length === 0 ? "with:" : `"${names.join(".")}"`;
  report(
    "TOPOLOGY_PROCESSOR_CONFIG",
    placeAt(node, names),
    `${what} of ${processor.name}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`,
  );
}

/** The place of a setting, or of what is nearest to it. */
function placeAt(node: NodeSyntax, path: readonly string[]): Place {
  let place = node.with?.place ?? node.use?.place ?? node.place;
  let at: Tree | undefined = node.with;
  for (const name of path) {
    const entry = at?.kind === "map" ? at.entries.get(name) : undefined;
    const item: Tree | undefined = entry?.value ?? (at?.kind === "list" ? at.items[Number(name)] : undefined);
    if (item === undefined) return place;
    place = entry?.place ?? item.place;
    at = item;
  }
  return place;
}

/** Names of the settings, where the schema is an object that tells them. */
function settingsOf({ config }: Processor): readonly string[] {
  const shape = (config as { shape?: unknown }).shape;
  return typeof shape === "object" && shape !== null ? Object.keys(shape) : [];
}
