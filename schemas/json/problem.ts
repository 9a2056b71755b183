export const problemCodes = [
  "schema_violation",
  "unknown_schema",
  "number_out_of_range",
  "ill_formed_string",
  "forbidden_key",
  "invalid_time",
] as const;
export const warningCodes = ["unknown_field", "deprecated_field"] as const;
export type ProblemCode = (typeof problemCodes)[number];
export type WarningCode = (typeof warningCodes)[number];

/** One mistake in a JSON event, and where. Values of the event are never repeated in it: they may be somebody's secret. */
export type Problem<C extends string = ProblemCode> = {
  /** RFC 6901. Of a field that is missing: where it should be. */
  readonly pointer: string;
  readonly code: C;
  /** What would be right: `an int ≥ 1`. */
  readonly expected: string;
  /** The sentence for people: `must be an int ≥ 1, not 0`. */
  readonly detail: string;
  /** The name that was probably meant. */
  readonly didYouMean?: string;
};

/** Mistakes and warnings that are kept of one event: more would let a small request make a large answer. */
export const maxProblems = 100;
export const maxWarnings = 50;

type Draft = { pointer: string; code: ProblemCode | WarningCode; expected: string; detail: string; didYouMean?: string };

/** Gathers the mistakes of one event; a pointer grows from the leaf up, so that what is right pays nothing for it. */
export class ProblemList {
  readonly #kept: Draft[] = [];
  #errors = 0;
  #warnings = 0;

  /** What is kept so far, in the order it was found. */
  get size(): number {
    return this.#kept.length;
  }

  /** Whether nothing but warnings was found; mistakes beyond those kept count too. */
  get valid(): boolean {
    return this.#errors === 0;
  }

  add(draft: Draft): undefined {
    const room = isWarning(draft.code) ? this.#warnings++ < maxWarnings : this.#errors++ < maxProblems;
    if (room) this.#kept.push(draft);
    return undefined;
  }

  wrong(code: ProblemCode, expected: string, detail: string): undefined {
    return this.add({ pointer: "", code, expected, detail });
  }

  /** Everything found since `mark` lies under the field or item `name`. */
  under(mark: number, name: string | number): void {
    const prefix = `/${escapePointer(String(name))}`;
    for (let i = mark; i < this.#kept.length; i++) this.#kept[i]!.pointer = prefix + this.#kept[i]!.pointer;
  }

  get errors(): readonly Problem[] {
    return this.#kept.filter((problem): problem is Draft & { code: ProblemCode } => !isWarning(problem.code));
  }

  get warnings(): readonly Problem<WarningCode>[] {
    return this.#kept.filter((problem): problem is Draft & { code: WarningCode } => isWarning(problem.code));
  }
}

function isWarning(code: string): boolean {
  return code === "unknown_field" || code === "deprecated_field";
}

/** A name as a token of a JSON pointer, cut to a length that no answer grows by. */
export function escapePointer(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64).toWellFormed()}…` : name.toWellFormed();
  return short.replaceAll("~", "~0").replaceAll("/", "~1");
}
