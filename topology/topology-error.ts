/** Every kind of mistake that a topology file can have; what each means and what to do stands in docs/errors.md. */
export const topologyCodes = [
  "TOPOLOGY_NOT_YAML",
  "TOPOLOGY_DUPLICATE_NAME",
  "TOPOLOGY_WRONG_SHAPE",
  "TOPOLOGY_UNKNOWN_FIELD",
  "TOPOLOGY_MISSING_FIELD",
  "TOPOLOGY_BAD_NAME",
  "TOPOLOGY_BAD_VALUE",
  "TOPOLOGY_BAD_DURATION",
  "TOPOLOGY_UNKNOWN_NODE",
  "TOPOLOGY_UNKNOWN_TOPIC",
  "TOPOLOGY_UNKNOWN_PORT",
  "TOPOLOGY_UNKNOWN_PROCESSOR",
  "TOPOLOGY_UNKNOWN_VALUE",
  "TOPOLOGY_UNKNOWN_FUNCTION",
  "TOPOLOGY_EXPRESSION_SYNTAX",
  "TOPOLOGY_EXPRESSION_TYPE",
  "TOPOLOGY_STEP_CONFLICT",
  "TOPOLOGY_CYCLE",
  "TOPOLOGY_WRONG_KEY",
  "TOPOLOGY_WRONG_INPUT",
  "TOPOLOGY_WRONG_OUTPUT",
  "TOPOLOGY_NO_KEY",
  "TOPOLOGY_NOT_COPARTITIONED",
  "TOPOLOGY_PROCESSOR_CONFIG",
  "TOPOLOGY_SECRET",
  "TOPOLOGY_ENVIRONMENT",
  "TOPOLOGY_NOT_SUPPORTED",
  "TOPOLOGY_SINK_SOURCE",
  "TOPOLOGY_SINK_SETTING",
  "TOPOLOGY_SINK_ORDER",
  "TOPOLOGY_MISSING_GRACE",
  "TOPOLOGY_UNBOUNDED_STATE",
  "TOPOLOGY_UNUSED_NODE",
  "TOPOLOGY_KEY_UNCHANGED",
  "TOPOLOGY_TOO_MANY_HOPS",
] as const;
export type TopologyCode = (typeof topologyCodes)[number];

/** Only errors keep a topology from running. */
export type Severity = "error" | "warning" | "info";

const lints: ReadonlyMap<TopologyCode, Severity> = new Map([
  ["TOPOLOGY_MISSING_GRACE", "warning"],
  ["TOPOLOGY_UNBOUNDED_STATE", "info"],
  ["TOPOLOGY_UNUSED_NODE", "warning"],
  ["TOPOLOGY_KEY_UNCHANGED", "warning"],
  ["TOPOLOGY_SINK_ORDER", "warning"],
  ["TOPOLOGY_TOO_MANY_HOPS", "warning"],
]);

/** Line and column count from 1; a column is a UTF-16 unit, as editors count them. `pointer` is the JSON pointer (RFC 6901) of the value or the name. */
export type Place = { readonly file: string; readonly line: number; readonly column: number; readonly pointer?: string };

export type TopologyProblem = {
  readonly code: TopologyCode;
  readonly severity: Severity;
  readonly place: Place;
  /** Lower case: what, then where, then what was probably meant. */
  readonly message: string;
};

export type Report = (code: TopologyCode, place: Place, message: string) => void;

/** Gathers mistakes; the same one at the same place is kept once. */
export function problemList(): { readonly report: Report; readonly sorted: () => readonly TopologyProblem[] } {
  const found = new Map<string, TopologyProblem>();
  return {
    report: (code, place, message) => {
      const problem = { code, severity: lints.get(code) ?? "error", place, message } as const;
      found.set(formatProblem(problem), problem);
    },
    sorted: () =>
      [...found.values()].sort(
        (a, b) => a.place.line - b.place.line || a.place.column - b.place.column || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0),
      ),
  };
}

export const isError = (problem: TopologyProblem): boolean => problem.severity === "error";

/**
 * `file:line:column  CODE  message`; what is no error says so before the message. `file` takes the place of the path that was given. Behind what is wrong with a
 * sink, whose settings lie deep, stands its JSON pointer.
 */
export function formatProblem({ code, severity, place, message }: TopologyProblem, file: string = place.file): string {
  const pointer = place.pointer?.startsWith("/sinks/") === true ? ` (${place.pointer})` : "";
  return `${file}:${place.line}:${place.column}  ${code}  ${severity === "error" ? "" : `${severity}: `}${message}${pointer}`;
}
