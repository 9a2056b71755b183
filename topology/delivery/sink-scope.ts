import { type WantedRecord, RecordError } from "@millrace/engine";
import { compileExpression, type Expression, type Scope } from "../expressions/compile-expression.ts";
import { readText } from "../parse/map-reader.ts";
import type { MapReader } from "../parse/map-reader.ts";
import { type Environment, variable } from "../parse/secrets.ts";
import type { Text } from "../parse/syntax.ts";
import type { Tree } from "../parse/yaml-tree.ts";
import type { Place, Report } from "../topology-error.ts";
import type { SeenRecord, SinkSource } from "./sink-source.ts";

/** A text of the file in which values of the environment may stand: known when the sink is opened. */
export type Setting = { readonly text: string; readonly place: Place; readonly resolve: (environment: Environment) => string };

/** What the reader of a kind has: the settings, the records, and where mistakes go. */
export type SinkScope = {
  /** `sink "warehouse"`. */
  readonly what: string;
  readonly name: string;
  readonly source: SinkSource;
  readonly settings: MapReader;
  readonly callMs: number;
  readonly report: Report;
  /** An expression over the records. */
  readonly expression: (text: Text) => Expression;
  readonly scope: Scope;
  /** Notes what an expression reads. */
  readonly note: (expression: Expression) => Expression;
  readonly readAll: () => void;
  /** A record as expressions see it; call it when records come, not before. @throws {RecordError} `undecodable` */
  readonly see: (record: WantedRecord) => SeenRecord;
  readonly setting: (name: string) => Setting | undefined;
  /** A setting that may not stand in the file: `${NAME}` and nothing else. */
  readonly secret: (name: string) => Setting | undefined;
  readonly secrets: (name: string) => readonly Setting[];
  readonly wrong: (place: Place, message: string) => void;
};

type Around = {
  readonly name: string;
  readonly source: SinkSource;
  readonly settings: MapReader;
  readonly callMs: number;
  readonly report: Report;
  readonly reads: Set<string>;
  readonly variables: { readonly name: string; readonly place: Place }[];
  readonly see: SinkScope["see"];
};

export function sinkScope({ name, source, settings, callMs, report, reads, variables, see }: Around): SinkScope {
  const scope: Scope = { value: source.type, where: name, report };
  const note = (expression: Expression): Expression => {
    for (const path of expression.reads) reads.add(path);
    return expression;
  };
  const wrong = (place: Place, message: string): void => report("TOPOLOGY_SINK_SETTING", place, message);
  const settingOf = (text: Text): Setting => {
    for (const [, variableName] of text.text.matchAll(variable)) variables.push({ name: variableName!, place: text.place });
    return {
      text: text.text,
      place: text.place,
      resolve: (environment) => text.text.replaceAll(variable, (_, variableName: string) => environment[variableName] ?? ""),
    };
  };
  const secretOf = (tree: Tree, field: string): Setting | undefined => {
    const text = readText(tree, `"${field}" of ${settings.what}`, report);
    if (text === undefined) return undefined;
    if (/^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text.text)) return settingOf(text);
    report(
      "TOPOLOGY_SECRET",
      text.place,
      `"${field}" of ${settings.what} is secret: say the name of a variable of the environment, \${NAME}`,
    );
    return undefined;
  };
  return {
    what: `sink "${name}"`,
    name,
    source,
    settings,
    callMs,
    report,
    scope,
    note,
    see,
    wrong,
    expression: (text) => note(compileExpression(text, scope)),
    readAll: () => void reads.add(""),
    setting: (field) => {
      const text = settings.text(field);
      return text && settingOf(text);
    },
    secret: (field) => {
      const entry = settings.entry(field);
      return entry && secretOf(entry.value, field);
    },
    secrets: (field) => {
      const tree = settings.entry(field)?.value;
      if (tree === undefined) return [];
      if (tree.kind === "list" && tree.items.length === 0)
        report("TOPOLOGY_WRONG_SHAPE", tree.place, `"${field}" of ${settings.what} is an empty list`);
      return (tree.kind === "list" ? tree.items : [tree]).flatMap((item) => secretOf(item, field) ?? []);
    },
  };
}

/** What a record cannot be rendered without. @throws {RecordError} `unrenderable` */
export function missing(what: string): never {
  throw new RecordError("unrenderable", what);
}
