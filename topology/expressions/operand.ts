import { type CurrentRecord, RecordError } from "@millrace/engine";
import type { TopologyCode } from "../topology-error.ts";
import type { Cel } from "./cel.ts";
import { type ExpressionType, nonNull, typeName, unknownType } from "./expression-type.ts";

export type Evaluate = (value: unknown, record: Readonly<CurrentRecord>) => unknown;

/** A part of an expression, compiled. */
export type Operand = {
  readonly type: ExpressionType;
  readonly run: Evaluate;
  /** What it reads of the value, if it is a bare path; empty text: the value's own root. */
  readonly path?: string;
  /** Names it for what is known of nulls: a path, or a local's name and a path. */
  readonly fact?: string;
  /** Known before any record. */
  readonly constant?: { readonly value: unknown };
  /** Facts that are not null when this is true, and when it is false. */
  readonly whenTrue?: readonly string[];
  readonly whenFalse?: readonly string[];
};

/** A name bound within an expression; `cell` holds the current element. */
export type Local = { readonly type: ExpressionType; readonly cell: { value: unknown }; readonly path: string | undefined };

/** What surrounds the part that is being compiled. */
export type Surroundings = {
  /** The value's type: its fields are in scope by name. */
  readonly value: ExpressionType;
  readonly locals: ReadonlyMap<string, Local>;
  /** Facts that are not null here. */
  readonly known: ReadonlySet<string>;
  /** `node.step: expression`, for what goes wrong while it runs. */
  readonly where: string;
  readonly report: (code: TopologyCode, offset: number, message: string) => void;
  /** Paths of the value that are read. */
  readonly reads: Set<string>;
};

export type CompilePart = (node: Cel, around: Surroundings) => Operand;

export const failed: Operand = { type: unknownType, run: () => undefined };

/** Reports a mistake of types, unless it follows from another. */
export function mistyped(node: Cel, around: Surroundings, message: string): Operand {
  around.report("TOPOLOGY_EXPRESSION_TYPE", node.offset, message);
  return failed;
}

export function constantOf(type: ExpressionType, value: unknown): Operand {
  return { type, run: () => value, constant: { value } };
}

/** The type of a part that may not be null; says how to get rid of the null otherwise. */
export function presentType(node: Cel, { type, path }: Operand, around: Surroundings): ExpressionType {
  if (type.kind !== "nullable" && type.kind !== "null") return type;
  const what = path === undefined || path === "" ? "this" : `"${path}"`;
  const name = path === undefined || path === "" ? "x" : path;
  around.report(
    "TOPOLOGY_EXPRESSION_TYPE",
    node.offset,
    `${what} may be null (${typeName(type)}): test it before (${name} != null && …), or say coalesce(${name}, …)`,
  );
  return nonNull(type).kind === "null" ? unknownType : nonNull(type);
}

/** @throws {RecordError} `expression-failed` */
export function failRecord(where: string, message: string): never {
  throw new RecordError("expression-failed", `${where}: ${message}`);
}

/** Absent fields of what processors say stand for null. */
export const isNull = (value: unknown): value is null | undefined => value === null || value === undefined;
