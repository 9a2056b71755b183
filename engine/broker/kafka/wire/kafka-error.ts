import { GenericError, MultipleErrors, protocolErrorsCodesById, UserError } from "./kafka-library.ts";

/** What stands for errors that no broker named: a connection that broke, was refused or did not answer in time. */
export const network = "NETWORK";
/** What stands for a certificate that is not trusted, or TLS on one side only: somebody has to set it right. */
export const tlsFailed = "TLS_FAILED";
/** What stands for anything else: a mistake of ours or of the library's, which to try again would only hide. `cause` is what was thrown. */
export const bug = "BUG";

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

/**
 * What the library threw, with the names that brokers gave. Of what is no answer of a broker, trouble with TLS is `TLS_FAILED`, a line that could not be
 * had, was lost or was given up `NETWORK`, and all else `BUG`.
 */
export function asKafkaError(error: unknown, doing: string): KafkaError {
  if (error instanceof KafkaError) return error;
  const ids = [...new Set(idsOf(error))];
  const named = ids.filter((id) => id !== network);
  const found = named.length > 0 ? named : [isOfNetwork(error) ? network : bug];
  const reasons = [...new Set(reasonsOf(error))].slice(0, 3);
  return new KafkaError(`${doing}: ${found.join(", ")} (${reasons.join("; ")})`, found, error);
}

function idsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [network];
  const own = GenericError.isGenericError(error) ? (error as { readonly apiId?: unknown }).apiId : undefined;
  const inner = MultipleErrors.isMultipleErrors(error) ? error.errors.flatMap(idsOf) : [];
  const below = error.cause === undefined ? [] : idsOf(error.cause);
  const all = [...(typeof own === "string" ? [own] : []), ...(isOfTls(error) ? [tlsFailed] : []), ...inner, ...below];
  return all.length === 0 ? [network] : all;
}

/** Node's names for what OpenSSL says of certificates and handshakes. */
const tlsCodes =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_|INVALID_(CA|PURPOSE)|PATH_LENGTH_)/;

function isOfTls(error: Error & { readonly code?: unknown }): boolean {
  // The library's word for a broker that answers a client's plain words with TLS.
  if (error instanceof UserError) return error.cause === undefined;
  return typeof error.code === "string" && tlsCodes.test(error.code);
}

/** The library wraps what befalls a line, also what those threw whom it asked for a token; what it does not wrap was thrown by its code or ours. */
function isOfNetwork(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (MultipleErrors.isMultipleErrors(error)) return error.errors.length === 0 || error.errors.some(isOfNetwork);
  // Of the system, or of who has stopped waiting.
  return GenericError.isGenericError(error) || "syscall" in error || error.name === "AbortError";
}

/** The lowest causes say most, and who was asked stands above them. */
function reasonsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const below = error instanceof AggregateError && error.errors.length > 0 ? error.errors : [error.cause];
  if (below[0] === undefined) return [error.message];
  return below.flatMap(reasonsOf).map((reason) => (error instanceof AggregateError ? reason : `${error.message} ${reason}`));
}
