import { fieldsOf, fileShape, mostPartitions, topicShape } from "../shape/file-shape.ts";
import { identifier, topicName } from "../shape/scalars.ts";
import type { Report } from "../topology-error.ts";
import { parseDuration } from "./duration.ts";
import { readMap, readText } from "./map-reader.ts";
import { isKebab, optional, readNode } from "./node-reader.ts";
import { checkSecrets } from "./secrets.ts";
import { readSinks } from "./sink-reader.ts";
import type { TopicSyntax, TopologySyntax } from "./syntax.ts";
import { readYaml, type Tree } from "./yaml-tree.ts";

/** Reads a topology file: its shape, without its names and types. Every mistake is reported; what could be read comes back. */
export function parseTopology(text: string, file: string, report: Report): TopologySyntax | undefined {
  const tree = readYaml(text, file, report);
  if (tree === undefined) return undefined;
  checkSecrets(tree, report);
  if (tree.kind === "map") {
    for (const [name, { place }] of tree.entries) {
      if (name === "run") report("TOPOLOGY_NOT_SUPPORTED", place, `"${name}:" is not there yet; leave it out`);
    }
  }
  const map = readMap(tree, { known: [...fieldsOf(fileShape), "run"], what: "the file", report });
  if (map === undefined) return undefined;
  const name = map.required("topology") && map.text("topology");
  if (name !== undefined && !isKebab(name.text)) {
    report("TOPOLOGY_BAD_NAME", name.place, `"${name.text}" is no name for a topology: kebab-case, as in "commerce"`);
  }
  const nodes = map.required("nodes");
  const nodeTree = nodes?.value;
  if (nodeTree !== undefined && (nodeTree.kind !== "map" || nodeTree.entries.size === 0)) {
    report("TOPOLOGY_WRONG_SHAPE", nodeTree.place, `"nodes" is a map of nodes by their ids`);
  }
  const entries = nodeTree?.kind === "map" ? [...nodeTree.entries] : [];
  return {
    file,
    name: name?.text ?? "topology",
    topics: readTopics(map.entry("topics")?.value, report),
    nodes: entries.flatMap(([id, entry]) => readNode(id, entry, report) ?? []),
    sinks: readSinks(map.entry("sinks")?.value, report),
  };
}

function readTopics(tree: Tree | undefined, report: Report): readonly TopicSyntax[] {
  if (tree === undefined) return [];
  if (tree.kind !== "map") {
    report("TOPOLOGY_WRONG_SHAPE", tree.place, `"topics" is a map of topics by their names`);
    return [];
  }
  return [...tree.entries].flatMap(([name, { place, value }]) => {
    const what = `topic "${name}"`;
    const map = readMap(value, { known: fieldsOf(topicShape), what, report });
    if (map === undefined) return [];
    if (!topicName.test(name)) {
      report("TOPOLOGY_BAD_NAME", place, `"${name}" is no name for a topic: words of lower case with "." and "-"`);
    }
    const count = map.count("partitions", mostPartitions);
    return {
      name,
      place,
      ...optional("partitions", count === undefined ? undefined : { count, place: map.entry("partitions")!.place }),
      ...optional("retention", readRetention(map.text("retention"), what, report)),
      ...optional("fields", readTypes(map.entry("fields")?.value, what, report)),
      ...optional("key", map.text("key")),
    };
  });
}

function readRetention(text: ReturnType<typeof readText>, what: string, report: Report): TopicSyntax["retention"] {
  if (text === undefined) return undefined;
  if (text.text === "forever") return { kind: "forever" };
  const ms = parseDuration(text.text);
  if (ms !== undefined) return { kind: "time", ms };
  report("TOPOLOGY_BAD_DURATION", text.place, `"retention" of ${what} is a duration such as 7d, or "forever"; not "${text.text}"`);
  return undefined;
}

function readTypes(tree: Tree | undefined, what: string, report: Report): TopicSyntax["fields"] {
  if (tree === undefined) return undefined;
  if (tree.kind !== "map" || tree.entries.size === 0) {
    report("TOPOLOGY_WRONG_SHAPE", tree.place, `"fields" of ${what} is a map of names to types`);
    return undefined;
  }
  return [...tree.entries].flatMap(([name, { place, value }]) => {
    const type = readText(value, `type of "${name}" of ${what}`, report);
    if (!identifier.test(name)) report("TOPOLOGY_BAD_NAME", place, `"${name}" is no name for a field`);
    return type === undefined ? [] : [{ name: { text: name, place, at: () => place }, type }];
  });
}
