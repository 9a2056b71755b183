import {
  type CurrentRecord,
  dedupe,
  filterValue,
  flatMapValue,
  mapValue,
  requireValue,
  seenCodec,
  type StoreSpec,
  windowStore,
  type WindowStore,
} from "@millrace/engine";
import type { RecordType } from "#schemas/field-type.ts";
import { compileElements, compileExpression, type Expression, type Scope, compileTest } from "../expressions/compile-expression.ts";
import { type ExpressionType, nonNull, typeName, unknownType, withoutNull } from "../expressions/expression-type.ts";
import { isNull } from "../expressions/operand.ts";
import { formatDuration } from "../parse/duration.ts";
import type { NamedText, NodeSyntax } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import type { KeyColumn, Stream } from "../streams/stream.ts";
import type { MakeStep } from "../streams/step-chain.ts";
import { pascalCase } from "../check/topic-catalogue.ts";

/** A value on its way through the steps of one node, and what has been gathered for them. */
export type Flow = {
  readonly type: ExpressionType;
  readonly key: readonly KeyColumn[];
  readonly identity: readonly string[];
  /** The value is still the one that came in, so that paths are paths of the input. */
  readonly isInput: boolean;
  readonly reads: Set<string>;
  readonly stores: Readonly<Record<string, StoreSpec>>;
  readonly steps: readonly MakeStep[];
  readonly does: readonly string[];
};

export const flowOf = ({ type, key, identity }: Stream): Flow => ({
  type,
  key,
  identity,
  isInput: true,
  reads: new Set(),
  stores: {},
  steps: [],
  does: [],
});

/** Takes what an expression of this flow reads; of a value made on the way nothing more is read of the input. */
export function note(flow: Flow, expression: Expression): Expression {
  if (flow.isInput) for (const path of expression.reads) flow.reads.add(path);
  return expression;
}

/** `dedupe`, `where`, `require`: they let a value through as it came. [Y3] */
export function guard(node: NodeSyntax, stream: Stream, report: Report): Flow {
  let flow = flowOf(stream);
  const scope = (step: string): Scope => ({ value: flow.type, where: `${node.id}.${step}`, report });
  if (node.dedupe !== undefined) {
    const { by, withinMs, late } = node.dedupe;
    const id = note(flow, compileExpression(by, scope("dedupe")));
    const kind = nonNull(id.type).kind;
    if (!["string", "int", "long", "unknown"].includes(kind)) {
      report("TOPOLOGY_EXPRESSION_TYPE", by.place, `"by" names a record: a string or an int, not ${typeName(id.type)}`);
    }
    const read = kind === "string" ? (id.evaluate as TextOf) : textOf(id);
    flow = {
      ...flow,
      stores: { ...flow.stores, seen: windowStore(seenCodec) },
      steps: [...flow.steps, ({ seen }) => dedupe(seen as WindowStore<number>, { by: read, withinMs, late })],
      does: [...flow.does, `dedupe by ${by.text} within ${formatDuration(withinMs)}`],
    };
  }
  if (node.where !== undefined) {
    const test = note(flow, compileTest(node.where, scope("where")));
    const { evaluate } = test;
    flow = {
      ...flow,
      type: narrowed(flow.type, test),
      steps: [...flow.steps, () => filterValue((value, record) => evaluate(value, record) === true)],
      does: [...flow.does, `where ${node.where.text}`],
    };
  }
  for (const { that, reason } of node.require) {
    const test = note(flow, compileTest(that, scope("require")));
    const { evaluate } = test;
    const explain = (): string => `not ${that.text}`;
    flow = {
      ...flow,
      type: narrowed(flow.type, test),
      steps: [...flow.steps, () => requireValue((value, record) => evaluate(value, record) === true, reason, explain)],
      does: [...flow.does, `require ${that.text}, else ${reason}`],
    };
  }
  return flow;
}

type TextOf = (value: unknown, record: Readonly<CurrentRecord>) => string | null;
const textOf =
  ({ evaluate }: Expression): TextOf =>
  (value, record) => {
    const id = evaluate(value, record);
    return isNull(id) ? null : String(id as number);
  };

/** What a test has shown not to be null is known behind it. */
export const narrowed = (type: ExpressionType, { shows }: Expression): ExpressionType =>
  shows.reduce((at, path) => withoutNull(at, path.split(".")), type);

/** `select` or `flatMap`: another value takes the place of the one that came. */
export function reshape(node: NodeSyntax, flow: Flow, report: Report): Flow {
  const scope: Scope = { value: flow.type, where: `${node.id}.${node.select === undefined ? "flatMap" : "select"}`, report };
  if (node.select !== undefined) {
    const selected = selectFields(node.select, scope, pascalCase(node.id));
    for (const field of selected.fields) note(flow, field.expression);
    const { build } = selected;
    return {
      ...replaced(flow, selected),
      steps: [...flow.steps, () => mapValue((value, record) => build(value, record))],
      does: [...flow.does, `select ${node.select.map(({ name }) => name).join(", ")}`],
    };
  }
  if (node.flatMap === undefined) return flow;
  const { each, as, select, where } = node.flatMap;
  const { list, cell, scope: inner } = compileElements(each, as, scope);
  const test = where && compileTest(where, inner);
  const shownElement = narrowElement(inner, test, as);
  const innerReads: Expression[] = test === undefined ? [] : [test];
  const evaluate = list.evaluate as (value: unknown, record: Readonly<CurrentRecord>) => readonly unknown[];
  const holds = (value: unknown, record: Readonly<CurrentRecord>): boolean => test === undefined || test.evaluate(value, record) === true;
  const does = [...flow.does, `flatMap ${each.text}`];
  const selected = select && selectFields(select, shownElement, pascalCase(node.id));
  innerReads.push(...(selected?.fields.map(({ expression }) => expression) ?? []));
  for (const expression of [list, ...innerReads]) note(flow, expression);
  // The elements are read by what looks into them; a list that nothing looks into is read for its length, and a whole element whole.
  const looksInside =
    list.path !== undefined &&
    innerReads.some(({ reads }) => [...reads].some((path) => path.startsWith(`${list.path}.`) || path === list.path));
  if (list.path !== undefined && flow.isInput && (!looksInside || selected === undefined)) flow.reads.add(list.path);
  const build = selected?.build;
  const change = (value: unknown, record: Readonly<CurrentRecord>): readonly unknown[] => {
    const results: unknown[] = [];
    for (const element of evaluate(value, record)) {
      cell.value = element;
      if (holds(value, record)) results.push(build === undefined ? element : build(value, record));
    }
    return results;
  };
  const element = shownElement.element?.local.type ?? unknownType;
  const steps = [...flow.steps, () => flatMapValue(change)];
  if (selected !== undefined) return { ...replaced(flow, selected), steps, does };
  if (element.kind !== "record" && element.kind !== "unknown") {
    report("TOPOLOGY_EXPRESSION_TYPE", each.place, `the elements are ${typeName(element)}: give them a name with "select"`);
  }
  return { ...flow, type: element, key: flow.key.map(withoutPath), identity: [], isInput: false, steps, does };
}

function narrowElement(scope: Scope, test: Expression | undefined, as: string): Scope {
  if (test === undefined || scope.element === undefined) return scope;
  const prefix = `${as}:`;
  const type = test.showsLocals
    .filter((fact) => fact.startsWith(prefix))
    .reduce(
      (at, fact) =>
        withoutNull(
          at,
          fact
            .slice(prefix.length)
            .split(".")
            .filter((name) => name !== ""),
        ),
      scope.element.local.type,
    );
  return { ...scope, value: narrowed(scope.value, test), element: { ...scope.element, local: { ...scope.element.local, type } } };
}

const withoutPath = (column: KeyColumn): KeyColumn => ({ ...column, path: undefined });

type Selected = {
  readonly type: ExpressionType;
  readonly fields: readonly { readonly name: string; readonly expression: Expression }[];
  readonly build: (value: unknown, record: Readonly<CurrentRecord>) => Record<string, unknown>;
};

/** A record of named expressions; of unknown type if one of them is. */
export function selectFields(named: readonly NamedText[], scope: Scope, recordName: string): Selected {
  const fields = named.map(({ name, of }) => {
    const expression = compileExpression(of, scope);
    if (expression.type.kind === "null") scope.report("TOPOLOGY_EXPRESSION_TYPE", of.place, `"${name}" is nothing but null`);
    return { name, expression };
  });
  const isKnown = fields.every(({ expression: { type } }) => type.kind !== "unknown" && type.kind !== "null");
  const type: RecordType = {
    kind: "record",
    name: recordName,
    fields: fields.map(({ name, expression }) => ({ name, type: expression.type as RecordType["fields"][number]["type"] })),
  };
  return { type: isKnown ? type : unknownType, fields, build: builderOf(fields) };
}

/** Records of one shape: the fields are always set in the same order. */
export function builderOf(fields: Selected["fields"]): Selected["build"] {
  const names = fields.map(({ name }) => name);
  const evaluates = fields.map(({ expression }) => expression.evaluate);
  return (value, record) => {
    const built: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) built[names[i]!] = evaluates[i]!(value, record);
    return built;
  };
}

/** Key and identity under the names that the new record has for them. */
function replaced(flow: Flow, { type, fields }: Selected): Flow {
  const renamed = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : fields.find(({ expression }) => expression.path === path)?.name;
  const identity = flow.identity.map(renamed);
  return {
    ...flow,
    type,
    key: flow.key.map((column) => {
      const path = renamed(column.path);
      return { ...column, name: path ?? column.name, path };
    }),
    identity: identity.every((path) => path !== undefined) ? identity : [],
    isInput: false,
  };
}
