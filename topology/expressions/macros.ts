import type { CurrentRecord } from "@millrace/engine";
import type { Cel } from "./cel.ts";
import { booleanType, type ExpressionType, typeName } from "./expression-type.ts";
import { type CompilePart, failed, type Local, mistyped, type Operand, type Surroundings } from "./operand.ts";

type Call = Extract<Cel, { op: "call" }>;
type List = (value: unknown, record: Readonly<CurrentRecord>) => readonly unknown[];

export const macroNames: readonly string[] = ["map", "filter", "all", "exists", "exists_one"];

/** Binds a name to each element in turn. `body` is compiled with it; what it reads of the elements is all that is read of the list. */
export function bindElements<R>(
  list: Operand,
  around: Surroundings,
  { name, body }: { name: string; body: (inner: Surroundings) => R },
): { readonly cell: { value: unknown }; readonly result: R } {
  const cell = { value: undefined as unknown };
  const items: ExpressionType = list.type.kind === "array" ? list.type.items : { kind: "unknown" };
  const local: Local = { type: items, cell, path: list.path };
  const before = around.reads.size;
  const result = body({ ...around, locals: new Map([...around.locals, [name, local]]) });
  if (list.path !== undefined && around.reads.size === before && ![...around.reads].some((path) => path.startsWith(`${list.path}.`))) {
    around.reads.add(list.path);
  }
  return { cell, result };
}

/** `list.map(x, e)`, `list.map(x, test, e)`, `list.filter(x, test)`, `list.all(x, test)`, `list.exists(x, test)`, `list.exists_one(x, test)`. */
export function compileMacro(call: Call, list: Operand, { around, compile }: { around: Surroundings; compile: CompilePart }): Operand {
  const { name, args } = call;
  const [binder, ...bodies] = args;
  if (list.type.kind === "unknown") return failed;
  if (list.type.kind !== "array") return mistyped(call.on!, around, `.${name}() goes through a list, and this is ${typeName(list.type)}`);
  const most = name === "map" ? 3 : 2;
  if (binder?.op !== "name" || args.length < 2 || args.length > most) {
    return mistyped(call, around, `.${name}() takes a name and an expression, as in .${name}(item, …)`);
  }
  const elements = list.run as List;
  const { cell, result } = bindElements(list, around, {
    name: binder.name,
    body: (inner) => {
      const tested = name !== "map" || bodies.length === 2 ? compile(bodies[0]!, inner) : undefined;
      const known = new Set([...inner.known, ...(tested?.whenTrue ?? [])]);
      return { tested, mapped: name === "map" ? compile(bodies.at(-1)!, { ...inner, known }) : undefined };
    },
  });
  // The whole element leaves by a filter.
  if (name === "filter" && list.path !== undefined) around.reads.add(list.path);
  const { tested, mapped } = result;
  if ([tested, mapped].some((part) => part?.type.kind === "unknown")) return failed;
  if (tested !== undefined && tested.type.kind !== "boolean") {
    return mistyped(bodies[0]!, around, `.${name}() asks for a boolean, and this is ${typeName(tested.type)}`);
  }
  const holds = (element: unknown, value: unknown, record: Readonly<CurrentRecord>): boolean => {
    cell.value = element;
    return tested === undefined || tested.run(value, record) === true;
  };
  if (mapped !== undefined) {
    const { type, run } = mapped;
    if (type.kind === "null" || type.kind === "unknown") {
      return mistyped(bodies.at(-1)!, around, "a list of nothing but null has no type");
    }
    return {
      type: { kind: "array", items: type },
      run: (value, record) => {
        const mappedList: unknown[] = [];
        for (const element of elements(value, record)) if (holds(element, value, record)) mappedList.push(run(value, record));
        return mappedList;
      },
    };
  }
  switch (name) {
    case "filter":
      return { type: list.type, run: (value, record) => elements(value, record).filter((element) => holds(element, value, record)) };
    case "all":
      return { type: booleanType, run: (value, record) => elements(value, record).every((element) => holds(element, value, record)) };
    case "exists":
      return { type: booleanType, run: (value, record) => elements(value, record).some((element) => holds(element, value, record)) };
    default:
      return {
        type: booleanType,
        run: (value, record) => elements(value, record).filter((element) => holds(element, value, record)).length === 1,
      };
  }
}
