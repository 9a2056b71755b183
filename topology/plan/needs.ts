import { outermost } from "../streams/value-path.ts";
import type { Part } from "../streams/part.ts";
import type { Origin } from "../streams/stream.ts";

/** The paths that are read of each topic's records, by all parts of the plan; the empty path is the whole value. */
export function pathsRead(parts: readonly Part[]): (topic: string, isHere: (part: Part) => boolean) => readonly string[] {
  const ofPort = new Map<string, ReadonlySet<string>>();
  const byId = new Map(parts.map((part) => [part.id, part]));
  const readers = new Map<string, { readonly part: Part; readonly port: string }[]>();
  for (const part of parts) {
    for (const [port, { origins }] of part.inputs) {
      for (const origin of origins) {
        const name = originName(origin);
        readers.set(name, [...(readers.get(name) ?? []), { part, port }]);
      }
    }
  }
  /** Of an input: its own paths, and those of whoever gets the value as it came. */
  const portNeeds = (part: Part, port: string): ReadonlySet<string> => {
    const name = `${part.id}:${port}`;
    const known = ofPort.get(name);
    if (known !== undefined) return known;
    const input = part.inputs.get(port)!;
    const needs = new Set(input.reads);
    ofPort.set(name, needs);
    for (const output of input.passes) {
      if (part.sinks.some((sink) => sink.output === output)) needs.add("");
      for (const reader of readers.get(originName({ kind: "part", part: part.id, output })) ?? []) {
        for (const path of portNeeds(byId.get(reader.part.id)!, reader.port)) needs.add(path);
      }
    }
    return needs;
  };
  return (topic, isHere) =>
    outermost(
      (readers.get(originName({ kind: "topic", topic })) ?? [])
        .filter(({ part }) => isHere(part))
        .flatMap(({ part, port }) => [...portNeeds(part, port)]),
    );
}

export const originName = (origin: Origin): string =>
  origin.kind === "topic" ? `topic:${origin.topic}` : `part:${origin.part}:${origin.output}`;
