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
import { placeRow, type Ranked } from "./top-list.ts";
import { pascalCase } from "../check/topic-catalogue.ts";

/** Groups whose lists a task has at hand. */
const rememberedLists = 1000;

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
  const compare = (a: Ranked, b: Ranked): number => {
    for (const order of orders) {
      const difference = order(a.row, b.row);
      if (difference !== 0) return difference;
    }
    return a.member < b.member ? -1 : a.member > b.member ? 1 : 0;
  };
  const ranked = (row: unknown): Ranked => ({ member: memberOf(row) ?? "", row });
  const codec = ownCodec({ ...type, name: pascalCase(node.id) });
  return {
    stores: { members: keyValueStore(codec), top: keyValueStore(codec) },
    steps: [
      (stores, context) => {
        const members = stores["members"] as KeyValueStore<unknown>;
        const top = stores["top"] as KeyValueStore<unknown>;
        // What the store `top` holds of the groups met last, in order; made anew with the node, so it never knows more than the store.
        const lists = new Map<string, readonly Ranked[]>();
        return filterValue((row) => {
          const [group, member] = [context.record.key, memberOf(row)];
          if (group === null || member === null) return false;
          const prefix = encodeTuple([group]);
          const keyOf = (one: string): string => prefix + encodeTuple([one]);
          members.put(keyOf(member), row);
          const listed = lists.get(group) ?? values(top, prefix).map(ranked).sort(compare);
          const next = placeRow(listed, { member, row }, { limit, compare, all: () => values(members, prefix).map(ranked) });
          if (next !== listed) {
            for (const gone of listed) if (!next.some((one) => one.member === gone.member)) top.delete(keyOf(gone.member));
            for (const one of next) if (!listed.includes(one)) top.put(keyOf(one.member), one.row);
          }
          if (lists.size >= rememberedLists && !lists.has(group)) lists.delete(lists.keys().next().value!);
          lists.set(group, next);
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
        compare: (a, b) => compare(ranked(a.value), ranked(b.value)),
        behind: key.flatMap(({ path }) => (path === undefined || path.includes(".") ? [] : [path])),
      },
    },
  };
}

const values = (store: KeyValueStore<unknown>, prefix: string): unknown[] => [...store.prefix(prefix)].map(([, value]) => value);
