import { asTable, type KeyValueStore, keyValueStore, upsert } from "@millrace/engine";
import { ownCodec } from "../streams/own-codec.ts";
import type { RecordType } from "#schemas/field-type.ts";
import type { NodeSyntax } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import { keyWriter } from "../streams/key-text.ts";
import type { QueryDraft } from "../streams/query-draft.ts";
import { rowKey } from "./row-key.ts";
import type { MakeStep } from "../streams/step-chain.ts";
import { type KeyColumn, keyNames } from "../streams/stream.ts";
import { pascalCase } from "../check/topic-catalogue.ts";

/** What a node keeps of the rows that come to it. */
export type Kept = {
  readonly stores: Readonly<Record<string, ReturnType<typeof keyValueStore>>>;
  readonly steps: readonly MakeStep[];
  readonly does: readonly string[];
  readonly query: QueryDraft;
};

export type KeptInput = {
  readonly type: RecordType;
  readonly key: readonly KeyColumn[];
  readonly identity: readonly string[];
  readonly report: Report;
};
export type Row = Readonly<Record<string, unknown>>;

/** `table: true` keeps the last value of each key, `table: { by }` the last of what the expressions name. [Y10] */
export function tableNode(node: NodeSyntax, { type, key, report }: KeptInput): Kept {
  const by = node.table?.by ?? [];
  const stores = { table: keyValueStore(ownCodec({ ...type, name: pascalCase(node.id) })) };
  const parts = rowKey(by, { value: type, where: `${node.id}.table`, report });
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
