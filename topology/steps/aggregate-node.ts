import {
  aggregateByKey,
  aggregateByWindow,
  type CurrentRecord,
  type KeyValueStore,
  keyValueStore,
  mapValue,
  type StoreSpec,
  type Timestamped,
  type WindowStore,
  windowStore,
} from "@millrace/engine";
import type { RecordField, RecordType } from "#schemas/field-type.ts";
import { timestampType } from "../expressions/expression-type.ts";
import { formatDuration } from "../parse/duration.ts";
import type { NodeSyntax } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import { compileAggregator, compileRow, type MakeRow } from "./aggregate-code.ts";
import { type AggregateColumn, type AggregateState, stateCodec } from "./aggregate-columns.ts";
import { keyReader } from "../streams/key-text.ts";
import type { QueryDraft } from "../streams/query-draft.ts";
import type { KeyColumn } from "../streams/stream.ts";
import type { MakeStep } from "../streams/step-chain.ts";
import { pascalCase } from "../check/topic-catalogue.ts";

export type Folded = {
  readonly type: RecordType;
  readonly key: readonly KeyColumn[];
  readonly identity: readonly string[];
  readonly stores: Readonly<Record<string, StoreSpec>>;
  readonly steps: readonly MakeStep[];
  readonly does: readonly string[];
  readonly query: QueryDraft;
};

/** Name of the store of an aggregate. */
export const aggregateStore = "aggregate";

/** The rows of an aggregate: the key under its name, for windows `window_start` and `window_end`, then the columns. [Y8] */
export function aggregateNode(
  node: NodeSyntax,
  {
    columns,
    key,
    names,
    report,
  }: { columns: readonly AggregateColumn[]; key: readonly KeyColumn[]; names: readonly string[]; report: Report },
): Folded {
  const { window } = node;
  const isWindowed = window !== undefined;
  const type: RecordType = { kind: "record", name: pascalCase(node.id), fields: fieldsOf(node, { columns, key, names, report }) };
  const decodeKey = keyReader(key);
  const shown = key
    .map((column, i) => ({ name: names[i]!, part: i, constant: column.constant === true }))
    .filter(({ constant }) => !constant);
  // Made when it is first asked for: by then the file has passed its check, and every name is one.
  let made: MakeRow | undefined;
  const makeRow = (): MakeRow => (made ??= compileRow(columns, { shown, decodeKey, isWindowed }));
  const toRow: MakeStep = () => {
    const rowOf = makeRow();
    const window = { start: -1, end: -1 };
    return mapValue((state: AggregateState, record: Readonly<CurrentRecord>) => {
      window.start = record.windowStart;
      window.end = record.windowEnd;
      return rowOf(state, record.key ?? "", window);
    });
  };
  const codec = stateCodec(columns, `${pascalCase(node.id)}State`);
  return {
    type,
    // Behind an aggregate the columns of the key are fields of the rows.
    key: key.map((column, i) => ({ ...column, name: names[i]!, path: column.constant === true ? undefined : names[i] })),
    identity: [...shown.map(({ name }) => name), ...(isWindowed ? ["window_start"] : [])],
    stores: { [aggregateStore]: isWindowed ? windowStore(codec) : keyValueStore(codec) },
    steps: [isWindowed ? windowStep(node, window, columns) : keyStep(columns), toRow],
    does: [
      ...(isWindowed ? [`window ${formatDuration(window.sizeMs)}, grace ${formatDuration(window.graceMs ?? 0)}`] : []),
      `aggregate ${columns.map(({ name }) => name).join(", ")}${node.emit?.value === "final" ? ", final" : ""}`,
    ],
    query: {
      node: node.id,
      store: aggregateStore,
      kind: isWindowed ? "window" : "key-value",
      type,
      key,
      keyNames: names,
      ...(isWindowed ? { window: { sizeMs: window.sizeMs, graceMs: window.graceMs ?? 0, retainMs: window.retainMs } } : {}),
      valueOf: ({ key: text, value, windowStart = -1 }) =>
        makeRow()((value as Timestamped<AggregateState>).value, text, { start: windowStart, end: windowStart + (window?.sizeMs ?? 0) }),
    },
  };
}

type Columns = { columns: readonly AggregateColumn[]; key: readonly KeyColumn[]; names: readonly string[]; report: Report };

function fieldsOf(node: NodeSyntax, { columns, key, names, report }: Columns): RecordField[] {
  const fields = key.flatMap((column, i): RecordField[] => (column.constant === true ? [] : [{ name: names[i]!, type: column.type }]));
  if (node.window !== undefined) fields.push({ name: "window_start", type: timestampType }, { name: "window_end", type: timestampType });
  fields.push(...columns.map(({ name, fold }) => ({ name, type: fold.type })));
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (seen.has(name)) {
      const place = node.aggregate?.columns.find((column) => column.name === name)?.place ?? node.place;
      report(
        "TOPOLOGY_DUPLICATE_NAME",
        place,
        `rows of node "${node.id}" have two columns "${name}"; rename one, or give the key a name with { as, of }`,
      );
    }
    seen.add(name);
  }
  return fields;
}

function windowStep(node: NodeSyntax, window: NonNullable<NodeSyntax["window"]>, columns: readonly AggregateColumn[]): MakeStep {
  const { sizeMs, graceMs = 0, retainMs } = window;
  const spec = { sizeMs, graceMs, retainMs, emit: node.emit?.value ?? "update", late: node.late?.value ?? "drop" } as const;
  return (stores, { record }) =>
    aggregateByWindow(stores[aggregateStore] as WindowStore<Timestamped<AggregateState>>, spec, compileAggregator(columns, record));
}

function keyStep(columns: readonly AggregateColumn[]): MakeStep {
  return (stores, { record }) =>
    aggregateByKey(stores[aggregateStore] as KeyValueStore<Timestamped<AggregateState>>, compileAggregator(columns, record));
}
