import type { Text } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import { type Cel, type CelFault, parseCel } from "./cel.ts";
import { compileNode, compileUsed } from "./compile-part.ts";
import { type ExpressionType, typeName, unknownType } from "./expression-type.ts";
import { type Evaluate, failed, type Local, type Surroundings } from "./operand.ts";

/** What expressions of one step see. */
export type Scope = {
  /** Type of the value whose fields are in scope by name. */
  readonly value: ExpressionType;
  /** A name for the current element of a list, as `flatMap` binds it. */
  readonly element?: { readonly name: string; readonly local: Local };
  /** Names the place in errors of records: `orders.where`. */
  readonly where: string;
  readonly report: Report;
};

/** An expression, compiled once; `evaluate` is a closure without any of the parser in it. @throws {RecordError} `expression-failed`, `currency-mismatch` */
export type Expression = {
  readonly type: ExpressionType;
  readonly evaluate: Evaluate;
  /** Paths of the value that are read; empty text is the whole value. */
  readonly reads: ReadonlySet<string>;
  /** If it is a bare path of the value. */
  readonly path: string | undefined;
  readonly constant: { readonly value: unknown } | undefined;
  /** Paths of the value that are not null when this is true. */
  readonly shows: readonly string[];
  /** The same of names bound around it: `item:` for the element itself, `item:vendorId`. */
  readonly showsLocals: readonly string[];
  readonly text: string;
};

/** Compiles an expression; a mistake is reported at its own column, and what comes back then is of type `unknown`. */
export function compileExpression(text: Text, scope: Scope): Expression {
  const parsed = parseCel(text.text);
  if (isFault(parsed)) {
    scope.report("TOPOLOGY_EXPRESSION_SYNTAX", text.at(parsed.offset), `in \`${text.text}\`: ${parsed.message}`);
    return {
      ...failed,
      evaluate: failed.run,
      reads: new Set(),
      path: undefined,
      constant: undefined,
      shows: [],
      showsLocals: [],
      text: text.text,
    };
  }
  return compileParsed(parsed, text, scope);
}

/** Compiles a part of an expression that stands on its own, e.g. the argument of an aggregate. */
export function compileParsed(parsed: Cel, text: Text, scope: Scope): Expression {
  const around = surroundings(text, scope);
  const operand = compileUsed(parsed, around);
  return {
    type: operand.type,
    evaluate: operand.run,
    reads: around.reads,
    path: operand.path,
    constant: operand.constant,
    shows: (operand.whenTrue ?? []).filter((fact) => !fact.includes(":")),
    showsLocals: (operand.whenTrue ?? []).filter((fact) => fact.includes(":")),
    text: text.text.slice(parsed.offset, parsed.end),
  };
}

/** The same, and the type must be boolean; `true` takes its place otherwise. */
export function compileTest(text: Text, scope: Scope): Expression {
  const expression = compileExpression(text, scope);
  if (expression.type.kind !== "boolean" && expression.type.kind !== "unknown") {
    scope.report("TOPOLOGY_EXPRESSION_TYPE", text.place, `this asks yes or no, and \`${text.text}\` is ${typeName(expression.type)}`);
  }
  return expression;
}

/** A list, and a scope in which its current element has a name; `reads` grows when the expressions of that scope are `closed`. */
export function compileElements(
  text: Text,
  name: string,
  scope: Scope,
): { readonly list: Expression; readonly cell: { value: unknown }; readonly scope: Scope } {
  const parsed = parseCel(text.text);
  if (isFault(parsed)) {
    const list = compileExpression(text, scope);
    const cell = { value: undefined };
    return { list, cell, scope: { ...scope, element: { name, local: { type: unknownType, cell, path: undefined } } } };
  }
  const around = surroundings(text, scope);
  const operand = compileNode(parsed, around);
  const isList = operand.type.kind === "array";
  if (!isList && operand.type.kind !== "unknown") {
    scope.report("TOPOLOGY_EXPRESSION_TYPE", text.place, `"each" goes through a list, and \`${text.text}\` is ${typeName(operand.type)}`);
  }
  const cell = { value: undefined as unknown };
  const type = operand.type.kind === "array" ? operand.type.items : unknownType;
  return {
    list: {
      type: operand.type,
      evaluate: operand.run,
      reads: around.reads,
      path: operand.path,
      constant: operand.constant,
      shows: [],
      showsLocals: [],
      text: text.text,
    },
    cell,
    scope: { ...scope, element: { name, local: { type, cell, path: operand.path } } },
  };
}

export const isFault = (parsed: Cel | CelFault): parsed is CelFault => "message" in parsed;

function surroundings(text: Text, { value, element, where, report }: Scope): Surroundings {
  return {
    value,
    locals: new Map(element === undefined ? [] : [[element.name, element.local]]),
    known: new Set(),
    where: `${where}: ${text.text}`,
    report: (code, offset, message) => report(code, text.at(offset), message),
    reads: new Set(),
  };
}
