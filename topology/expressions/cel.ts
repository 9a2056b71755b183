import { type ASTNode, ParseError, parse } from "@marcbachmann/cel-js";

/** A parsed expression. `offset` and `end` are characters of the text. */
export type Cel = { readonly offset: number; readonly end: number } & (
  | { readonly op: "literal"; readonly value: string | number | bigint | boolean | null }
  | { readonly op: "name"; readonly name: string }
  | { readonly op: "field"; readonly of: Cel; readonly name: string }
  | { readonly op: "index"; readonly of: Cel; readonly index: Cel }
  | { readonly op: "call"; readonly name: string; readonly on: Cel | undefined; readonly args: readonly Cel[] }
  | { readonly op: "list"; readonly items: readonly Cel[] }
  | { readonly op: "choose"; readonly test: Cel; readonly yes: Cel; readonly no: Cel }
  | { readonly op: "unary"; readonly sign: "!" | "-"; readonly of: Cel }
  | { readonly op: "binary"; readonly sign: BinarySign; readonly left: Cel; readonly right: Cel }
  | { readonly op: "unsupported"; readonly what: string }
);
export const binarySigns = ["||", "&&", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"] as const;
export type BinarySign = (typeof binarySigns)[number];

export type CelFault = { readonly message: string; readonly offset: number };

/** Parses CEL (cel-spec's grammar); the library's types end here. */
export function parseCel(text: string): Cel | CelFault {
  try {
    return convert(parse(text).ast);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { message: error.summary.replace("EOF", "the end"), offset: error.range?.start ?? 0 };
  }
}

function convert(node: ASTNode): Cel {
  const { start: offset, end } = node.range;
  const at = { offset, end };
  switch (node.op) {
    case "value": {
      const value = node.args;
      if (value !== null && typeof value === "object") {
        return { ...at, op: "unsupported", what: value instanceof Uint8Array ? "a literal of bytes" : "an unsigned literal" };
      }
      return { ...at, op: "literal", value };
    }
    case "id":
      return { ...at, op: "name", name: node.args };
    case ".":
      return { ...at, op: "field", of: convert(node.args[0]), name: node.args[1] };
    case "[]":
      return { ...at, op: "index", of: convert(node.args[0]), index: convert(node.args[1]) };
    case "call":
      return { ...at, op: "call", name: node.args[0], on: undefined, args: node.args[1].map(convert) };
    case "rcall":
      return { ...at, op: "call", name: node.args[0], on: convert(node.args[1]), args: node.args[2].map(convert) };
    case "list":
      return { ...at, op: "list", items: node.args.map(convert) };
    case "?:":
      return { ...at, op: "choose", test: convert(node.args[0]), yes: convert(node.args[1]), no: convert(node.args[2]) };
    case "!_":
      return { ...at, op: "unary", sign: "!", of: convert(node.args) };
    case "-_":
      return { ...at, op: "unary", sign: "-", of: convert(node.args) };
    case "map":
      return { ...at, op: "unsupported", what: "a map literal" };
    case ".?":
    case "[?]":
      return { ...at, op: "unsupported", what: "optional access" };
    case "||":
    case "&&":
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "in":
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      return { ...at, op: "binary", sign: node.op, left: convert(node.args[0]), right: convert(node.args[1]) };
  }
}
