import { asTable, type CurrentRecord, encodeTuple, type KeyValueStore, keyValueStore, upsert, decodeTuple } from "@millrace/engine";
import { codecOf } from "#schemas/codec/record-codec.ts";
import type { RecordType } from "#schemas/field-type.ts";
import { compileExpression, type Expression, type Scope } from "../expressions/compile-expression.ts";
import { typeName } from "../expressions/expression-type.ts";
import { comparison } from "../expressions/functions.ts";
import type { NodeSyntax, Text } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import { isKeyType, keyWriter } from "./key-text.ts";
import type { QueryDraft, StoreEntry } from "./query-draft.ts";
import { type KeyColumn, keyNames } from "./stream.ts";
import type { MakeStep } from "./step-chain.ts";
import { pascalCase } from "./topic-catalogue.ts";

export type Kept = {
  readonly stores: Readonly<Record<string, ReturnType<typeof keyValueStore>>>;
  readonly steps: readonly MakeStep[];
  readonly does: readonly string[];
  readonly query: QueryDraft;
};

type Input = {
  readonly type: RecordType;
  readonly key: readonly KeyColumn[];
  readonly identity: readonly string[];
  readonly report: Report;
};
type Row = Readonly<Record<string, unknown>>;
const noRecord: Readonly<CurrentRecord> = {
  key: null,
  timestamp: 0,
  sequence: 0,
  headers: new Uint8Array(0),
  windowStart: -1,
  windowEnd: -1,
};

/** `table: true` keeps the last value of each key, `table: { by }` the last of what the expressions name. [Y10] */
export function tableNode(node: NodeSyntax, { type, key, report }: Input): Kept {
  const by = node.table?.by ?? [];
  const stores = { table: keyValueStore(codecOf(named(type, node.id))) };
  const parts = keyExpressions(by, { value: type, where: `${node.id}.table`, report });
  const keyOf = keyWriter(parts);
  return {
    stores,
    steps: [
      by.length === 0
        ? ({ table }) => asTable(table as KeyValueStore<unknown>)
        : ({ table }, { record }) => upsert(table as KeyValueStore<unknown>, (value) => keyOf(value, record)),
    ],
    does: [by.length === 0 ? "table by key" : `table by ${by.map(({ text }) => text).join(", ")}`],
    query: {
      node: node.id,
      store: "table",
      kind: "key-value",
      type,
      key:
        by.length === 0 ? key : parts.map(({ path, type: part, text }) => ({ name: path ?? text, path, type: part as KeyColumn["type"] })),
      keyNames: by.length === 0 ? keyNames(key, type) : parts.map(({ path, text }) => path ?? text),
      valueOf: ({ value }) => value as Row,
    },
  };
}

/** `top` keeps the last row of each member of a group, the key; ranks are given when it is read. [Y11] */
export function topNode(node: NodeSyntax, { type, key, identity, report }: Input): Kept {
  const { by, limit, each, place } = node.top!;
  const scope: Scope = { value: type, where: `${node.id}.top`, report };
  const members = each.length > 0 ? each : identity.map((path): Text => ({ text: path, place, at: () => place }));
  if (members.length === 0) {
    report(
      "TOPOLOGY_MISSING_FIELD",
      place,
      `top of node "${node.id}" needs "each": what tells its rows apart (the rows of an aggregate say it themselves)`,
    );
  }
  const parts = keyExpressions(members, scope);
  const memberOf = keyWriter(parts);
  const orders = by.flatMap(({ of, descending }) => {
    const expression = compileExpression(of, scope);
    if (expression.type.kind === "unknown") return [];
    const order = rankOrder(expression, descending ? -1 : 1);
    if (order === undefined) report("TOPOLOGY_EXPRESSION_TYPE", of.place, `rows are not ordered by ${typeName(expression.type)}`);
    return order === undefined ? [] : [order];
  });
  const compareRows = (a: StoreEntry, b: StoreEntry): number => {
    for (const order of orders) {
      const difference = order(a.value, b.value);
      if (difference !== 0) return difference;
    }
    return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  };
  return {
    stores: { top: keyValueStore(codecOf(named(type, node.id))) },
    steps: [
      ({ top }, { record }) =>
        upsert(top as KeyValueStore<unknown>, (value, group) => {
          const member = memberOf(value, record);
          return group === null || member === null ? null : encodeTuple([group, member]);
        }),
    ],
    does: [`top ${limit} by ${by.map(({ of, descending }) => `${of.text}${descending ? " desc" : ""}`).join(", ")}`],
    query: {
      node: node.id,
      store: "top",
      kind: "top",
      type,
      key,
      keyNames: key.map(({ name }) => name),
      valueOf: ({ value }) => value as Row,
      rank: {
        limit,
        groupOf: (entry) => String(decodeTuple(entry.key)[0]),
        compare: compareRows,
        behind: key.flatMap(({ path }) => (path === undefined || path.includes(".") ? [] : [path])),
      },
    },
  };
}

const named = (type: RecordType, id: string): RecordType => ({ ...type, name: pascalCase(id) });

function keyExpressions(texts: readonly Text[], scope: Scope): readonly Expression[] {
  return texts.map((text) => {
    const expression = compileExpression(text, scope);
    if (expression.type.kind !== "unknown" && !isKeyType(expression.type)) {
      scope.report(
        "TOPOLOGY_EXPRESSION_TYPE",
        text.place,
        `a row is named by string, int, boolean or timestamp, not ${typeName(expression.type)}`,
      );
    }
    return expression;
  });
}

/** Rows are read, not processed: amounts of different currencies are ordered by amount; null comes last. */
function rankOrder({ type, evaluate }: Expression, sign: 1 | -1): ((a: unknown, b: unknown) => number) | undefined {
  const isMoney = type.kind === "money" || (type.kind === "nullable" && type.of.kind === "money");
  const present = type.kind === "nullable" ? type.of : type;
  const compare = isMoney ? compareAmounts : comparison(present, "top");
  if (compare === undefined) return undefined;
  return (a, b) => {
    const [x, y] = [evaluate(a, noRecord), evaluate(b, noRecord)];
    if (x == null || y == null) return Number(x == null) - Number(y == null);
    return compare(x, y) * sign;
  };
}

function compareAmounts(a: unknown, b: unknown): number {
  const [x, y] = [(a as { amount: bigint }).amount, (b as { amount: bigint }).amount];
  return x < y ? -1 : x > y ? 1 : 0;
}
