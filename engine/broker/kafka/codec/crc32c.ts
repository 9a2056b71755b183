import { createRequire } from "node:module";
import { crc32c as fallback } from "../wire/kafka-library.ts";

type Native = { readonly crc32c: (bytes: Uint8Array) => number };

/** The checksum of record batches (RFC 3720, B.4). The library's own copies what it is given, which costs three times the sum: its native part is used directly. */
export const crc32c: (bytes: Uint8Array) => number = native() ?? ((bytes) => fallback(bytes));

/** An optional dependency of the library, which is not there for every platform. */
function native(): ((bytes: Uint8Array) => number) | undefined {
  try {
    const require = createRequire(import.meta.resolve("@platformatic/kafka"));
    return (require("@node-rs/crc32") as Native).crc32c;
  } catch {
    return undefined;
  }
}
