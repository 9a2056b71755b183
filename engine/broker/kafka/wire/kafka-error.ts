import { GenericError, MultipleErrors, protocolErrorsCodesById } from "@platformatic/kafka";

/** What stands for errors that no broker named: a connection that broke, was refused or did not answer in time. */
export const network = "NETWORK";

/**
 * A request that failed. `ids` are Kafka's names of all that went wrong in it (`NOT_COORDINATOR`, …), or `NETWORK`;
 * whether it was done nevertheless is unknown when `NETWORK` is among them.
 */
export class KafkaError extends Error {
  readonly ids: readonly string[];
  /** The whole answer, where a broker gave one: other parts of the request may have gone well. */
  readonly answer: unknown;

  constructor(message: string, ids: readonly string[], cause?: unknown) {
    super(message, { cause });
    this.name = "KafkaError";
    this.ids = ids;
    this.answer = cause instanceof Error && "response" in cause ? cause.response : undefined;
  }

  is(...ids: readonly string[]): boolean {
    return this.ids.some((id) => ids.includes(id));
  }
}

/** The name of an error code in an answer; 0 is `NONE`. */
export const errorId = (code: number): string => (code === 0 ? "NONE" : (protocolErrorsCodesById[code] ?? `ERROR_${code}`));

/** What the library threw, with the names that brokers gave; anything that is no answer of a broker counts as `NETWORK`. */
export function asKafkaError(error: unknown, doing: string): KafkaError {
  if (error instanceof KafkaError) return error;
  const ids = [...new Set(idsOf(error))];
  const named = ids.filter((id) => id !== network);
  const found = named.length > 0 ? named : [network];
  return new KafkaError(`${doing}: ${found.join(", ")} (${error instanceof Error ? error.message : String(error)})`, found, error);
}

function idsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [network];
  const own = GenericError.isGenericError(error) ? (error as { readonly apiId?: unknown }).apiId : undefined;
  const inner = MultipleErrors.isMultipleErrors(error) ? error.errors.flatMap(idsOf) : [];
  const below = error.cause === undefined ? [] : idsOf(error.cause);
  const all = [...(typeof own === "string" ? [own] : []), ...inner, ...below];
  return all.length === 0 ? [network] : all;
}
