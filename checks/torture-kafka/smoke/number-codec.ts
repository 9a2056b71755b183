import type { Codec } from "@millrace/engine";

/** Numbers as JSON text: readable in kcat, and the same to the last digit in every language. */
export const numberCodec: Codec<number> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as number,
};
