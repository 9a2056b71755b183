import type { Codec, Timestamped } from "@millrace/engine";
import { ownCodec } from "../streams/own-codec.ts";
import type { FieldType, RecordType } from "#schemas/field-type.ts";
import { didYouMean } from "../did-you-mean.ts";
import { aggregateFunction, type AggregateFunction, type AggregateName, aggregateNames } from "../expressions/aggregate-function.ts";
import { parseCel } from "../expressions/cel.ts";
import { compileParsed, type Expression, isFault, type Scope } from "../expressions/compile-expression.ts";
import { doubleType } from "../expressions/expression-type.ts";
import type { NamedText } from "../parse/syntax.ts";

/** One column of an aggregate: its function, and what it is fed. */
export type AggregateColumn = {
  readonly name: string;
  readonly fold: AggregateFunction;
  readonly argument: Expression | undefined;
};

export type AggregateState = Record<string, unknown>;

/** `name: fn(expression)`; a column with a mistake is reported and left out. */
export function compileColumns(named: readonly NamedText[], scope: Scope): readonly AggregateColumn[] {
  return named.flatMap(({ name, of }): AggregateColumn[] => {
    const parsed = parseCel(of.text);
    if (isFault(parsed)) {
      scope.report("TOPOLOGY_EXPRESSION_SYNTAX", of.at(parsed.offset), `in \`${of.text}\`: ${parsed.message}`);
      return [];
    }
    if (parsed.op !== "call" || parsed.on !== undefined) {
      const example = parsed.op === "name" ? `sum(${parsed.name})` : "sum(…)";
      scope.report(
        "TOPOLOGY_EXPRESSION_TYPE",
        of.place,
        `"${name}" is an aggregate: one of ${aggregateNames.join(", ")}, as in ${example}`,
      );
      return [];
    }
    const fn = aggregateNames.find((one) => one === parsed.name);
    if (fn === undefined) {
      scope.report(
        "TOPOLOGY_UNKNOWN_FUNCTION",
        of.at(parsed.offset),
        `there is no aggregate ${parsed.name}()${didYouMean(parsed.name, aggregateNames)}`,
      );
      return [];
    }
    const [argument, ...more] = parsed.args;
    if (more.length > 0 || (fn === "count" && argument !== undefined)) {
      scope.report("TOPOLOGY_EXPRESSION_TYPE", of.place, `${fn}() takes ${fn === "count" ? "nothing" : "one expression"}`);
      return [];
    }
    const expression = argument && compileParsed(argument, of, scope);
    if (expression?.type.kind === "unknown") return [];
    return columnOf(name, fn, { of, expression, scope });
  });
}

type Argument = { readonly of: NamedText["of"]; readonly expression: Expression | undefined; readonly scope: Scope };

function columnOf(name: string, fn: AggregateName, { of, expression, scope }: Argument): AggregateColumn[] {
  const fold = aggregateFunction(fn, expression?.type, `${scope.where}: ${of.text}`);
  if (typeof fold !== "string") return [{ name, fold, argument: expression }];
  scope.report("TOPOLOGY_EXPRESSION_TYPE", of.place, fold);
  return [];
}

/** The arguments as a record of their own, which is all that crosses a change of key in front of an aggregate. [Y7] */
export function argumentsType(columns: readonly AggregateColumn[], name: string): RecordType {
  return {
    kind: "record",
    name,
    fields: columns.flatMap((column) =>
      column.argument === undefined ? [] : [{ name: column.name, type: column.argument.type as FieldType }],
    ),
  };
}

/** Reads the arguments from such a record. */
export const fromArguments = (columns: readonly AggregateColumn[]): readonly AggregateColumn[] =>
  columns.map((column) => {
    const { name, argument } = column;
    if (argument === undefined) return column;
    return {
      ...column,
      argument: { ...argument, evaluate: (value) => (value as AggregateState)[name], reads: new Set([name]), path: name },
    };
  });

/** The codec of the states in the store, each with the greatest timestamp of its records. */
export function stateCodec(columns: readonly AggregateColumn[], name: string): Codec<Timestamped<AggregateState>> {
  const value: RecordType = { kind: "record", name, fields: columns.map((column) => ({ name: column.name, type: column.fold.stored })) };
  const codec = ownCodec<Timestamped<AggregateState>>({
    kind: "record",
    name: `Timestamped${name}`,
    fields: [
      { name: "timestamp", type: doubleType },
      { name: "value", type: value },
    ],
  });
  const converted = columns.filter(({ fold }) => fold.toStored !== undefined);
  if (converted.length === 0) return codec;
  return {
    encode: ({ timestamp, value: state }) => {
      const stored = { ...state };
      for (const { name: column, fold } of converted) stored[column] = fold.toStored!(state[column]);
      return codec.encode({ timestamp, value: stored });
    },
    decode: (bytes) => {
      const entry = codec.decode(bytes);
      for (const { name: column, fold } of converted) entry.value[column] = fold.fromStored!(entry.value[column]);
      return entry;
    },
  };
}
