import type { Plan } from "@millrace/engine";
import type { QueryColumn, QueryPlan } from "#topology/plan/query-plan.ts";
import { isWindowed } from "./query-plan.ts";

/** What can be known of a query without asking it: plain data, for the thread that answers HTTP. */
export type CatalogueEntry = {
  readonly name: string;
  readonly kind: QueryPlan["kind"];
  /** Columns by which one entry is got directly; none where the store is always read through, its key being more than rows show. */
  readonly keyColumns: readonly string[];
  readonly columns: readonly QueryColumn[];
  /** Rows can be bounded by `from` and `to`. */
  readonly windowed: boolean;
  readonly window: QueryPlan["window"];
  /** Topics written from outside whose tokens the query can be asked to wait for. */
  readonly topics: readonly string[];
};

/** One entry a query, by name. */
export function catalogueOf(queries: readonly QueryPlan[], plan: Plan): readonly CatalogueEntry[] {
  return queries
    .map((query): CatalogueEntry => {
      const { name, kind, columns, window, subTopology } = query;
      const shown = query.keyColumns.every((key) => columns.some((column) => column.name === key));
      const keyColumns = shown ? query.keyColumns : [];
      return {
        name,
        kind,
        keyColumns,
        columns,
        windowed: isWindowed(query),
        window,
        topics: sourcesOf(subTopology, plan),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Topics from which records come to a sub-topology, through repartitions too. */
function sourcesOf(subTopology: string, plan: Plan): readonly string[] {
  const found = new Set<string>();
  const visited = new Set<string>();
  const visit = (id: string): void => {
    if (visited.has(id)) return;
    visited.add(id);
    for (const { topic } of plan.subTopologies.find((sub) => sub.id === id)?.sources ?? []) {
      const writers = plan.subTopologies.filter(({ sinks }) => sinks.some((sink) => sink.topic === topic));
      if (writers.length === 0) found.add(topic);
      for (const writer of writers) visit(writer.id);
    }
  };
  visit(subTopology);
  return [...found].toSorted();
}
