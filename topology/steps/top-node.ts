import { decodeTuple, encodeTuple, filterValue, type KeyValueStore, keyValueStore } from "@millrace/engine";
import { ownCodec } from "../streams/own-codec.ts";
import { compileExpression, type Scope } from "../expressions/compile-expression.ts";
import { typeName } from "../expressions/expression-type.ts";
import type { NodeSyntax, Text } from "../parse/syntax.ts";
import { keyWriter } from "../streams/key-text.ts";
import { noRecord } from "../streams/no-record.ts";
import { rankOrder } from "./rank-order.ts";
import { rowKey } from "./row-key.ts";
import type { Kept, KeptInput, Row } from "./table-node.ts";
import { placeRow } from "./top-list.ts";
import { pascalCase } from "../check/topic-catalogue.ts";

/** `top` keeps the last row of each member of a group, which is the key, and beside them the list of the best. [Y11] */
export function topNode(node: NodeSyntax, { type, key, identity, report }: KeptInput): Kept {
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
  const writeMember = keyWriter(rowKey(members, scope));
  const memberOf = (row: unknown): string | null => writeMember(row, noRecord);
  const orders = by.flatMap(({ of, descending }) => {
    const expression = compileExpression(of, scope);
    if (expression.type.kind === "unknown") return [];
    const order = rankOrder(expression, descending ? -1 : 1);
    if (order === undefined) report("TOPOLOGY_EXPRESSION_TYPE", of.place, `rows are not ordered by ${typeName(expression.type)}`);
    return order === undefined ? [] : [order];
  });
  const compare = (a: unknown, b: unknown): number => {
    for (const order of orders) {
      const difference = order(a, b);
      if (difference !== 0) return difference;
    }
    const [x, y] = [memberOf(a) ?? "", memberOf(b) ?? ""];
    return x < y ? -1 : x > y ? 1 : 0;
  };
  const codec = ownCodec({ ...type, name: pascalCase(node.id) });
  return {
    stores: { members: keyValueStore(codec), top: keyValueStore(codec) },
    steps: [
      (stores, context) => {
        const members = stores["members"] as KeyValueStore<unknown>;
        const top = stores["top"] as KeyValueStore<unknown>;
        return filterValue((row) => {
          const [group, member] = [context.record.key, memberOf(row)];
          if (group === null || member === null) return false;
          members.put(encodeTuple([group, member]), row);
          const prefix = encodeTuple([group]);
          const listed = values(top, prefix).sort(compare);
          const next = placeRow(listed, row, { limit, compare, memberOf, all: () => values(members, prefix) });
          for (const gone of listed) {
            if (!next.some((one) => memberOf(one) === memberOf(gone))) top.delete(encodeTuple([group, memberOf(gone)]));
          }
          for (const one of next) if (!listed.includes(one)) top.put(encodeTuple([group, memberOf(one)]), one);
          context.fold();
          return true;
        }, "null-key");
      },
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
        groupOf: ({ key: text }) => String(decodeTuple(text)[0]),
        compare: (a, b) => compare(a.value, b.value),
        behind: key.flatMap(({ path }) => (path === undefined || path.includes(".") ? [] : [path])),
      },
    },
  };
}

const values = (store: KeyValueStore<unknown>, prefix: string): unknown[] => [...store.prefix(prefix)].map(([, value]) => value);
