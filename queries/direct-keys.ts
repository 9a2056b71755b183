import type { QueryPlan } from "#topology/plan/query-plan.ts";

/** Above so many keys, reading the store through costs less than asking for each. */
const maxKeys = 20;

/** The store's keys that can have the filtered rows, when every column of the key is filtered; undefined: the store is read through. */
export function directKeys(
  { keyColumns, keyOf }: QueryPlan,
  filters: readonly (readonly [column: string, texts: readonly string[]])[],
): readonly string[] | undefined {
  if (keyColumns.length === 0) return undefined;
  let combinations: Readonly<Record<string, string>>[] = [{}];
  for (const column of keyColumns) {
    const texts = filters.find(([name]) => name === column)?.[1];
    if (texts === undefined || combinations.length * texts.length > maxKeys) return undefined;
    combinations = combinations.flatMap((columns) => texts.map((text) => ({ ...columns, [column]: text })));
  }
  return [...new Set(combinations.map(keyOf).filter((key) => key !== undefined))];
}
