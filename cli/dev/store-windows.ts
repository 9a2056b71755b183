import type { EmbeddedBroker } from "@millrace/engine";
import { formatDuration } from "#topology/parse/duration.ts";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { EngineFailure } from "../engine/engine-failure.ts";
import type { DevCode } from "./dev-codes.ts";

const schema = ["CREATE TABLE store_windows(node TEXT PRIMARY KEY, sizeMs INTEGER NOT NULL)"];

/**
 * Notes in the log how long the windows of each node are, and refuses a plan that says otherwise of a node that has kept some: a window is kept by its
 * start alone, so that rows of the old length would be read as of the new one. What is noted of a node stays when the node goes.
 * @throws {EngineFailure} `DEV_WINDOW_CHANGED`
 */
export function checkStoreWindows({ database }: EmbeddedBroker, queries: readonly Pick<QueryPlan, "name" | "window">[]): void {
  database.migrate("store-windows", schema);
  const { connection } = database;
  const kept = new Map(
    database.read(() =>
      connection
        .prepare("SELECT node, sizeMs FROM store_windows")
        .all()
        .map((row) => [String(row["node"]), Number(row["sizeMs"])] as const),
    ),
  );
  const windowed = queries.flatMap(({ name, window }) => (window === undefined ? [] : [{ name, sizeMs: window.sizeMs }]));
  const changed = windowed.flatMap(({ name, sizeMs }) => {
    const before = kept.get(name);
    return before === undefined || before === sizeMs
      ? []
      : [`"${name}" has kept windows of ${formatDuration(before)}, and the file says ${formatDuration(sizeMs)}`];
  });
  if (changed.length > 0) throw new EngineFailure("DEV_WINDOW_CHANGED" satisfies DevCode, changed.join("; "));
  const fresh = windowed.filter(({ name }) => !kept.has(name));
  if (fresh.length === 0) return;
  database.transaction("full", () => {
    const note = connection.prepare("INSERT INTO store_windows VALUES (?, ?)");
    for (const { name, sizeMs } of fresh) note.run(name, sizeMs);
  });
}
