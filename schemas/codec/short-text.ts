/** A longer text costs less to read by a call into Node. */
export const shortTextBytes = 24;

type ReadShortText = (bytes: Uint8Array, from: number, length: number) => string | undefined;

/**
 * Text of up to 24 bytes of ASCII; undefined when it is longer, or has other characters. A call into Node takes four times as long. (The engine, which
 * knows nothing of schemas, has the same for keys.)
 * The bytes are given to the engine one by one, for which each length needs a text of its own.
 */
export const shortText: ReadShortText = compile();

function compile(): ReadShortText {
  const cases = Array.from({ length: shortTextBytes }, (_, i) => {
    const codes = Array.from({ length: i + 1 }, (_code, at) => `c${at}`);
    const read = codes.map((code, at) => `${code} = b[p + ${at}]`).join(", ");
    return `case ${i + 1}: { const ${read}; return (${codes.join(" | ")}) < 128 ? String.fromCharCode(${codes.join(", ")}) : undefined; }`;
  });
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from numbers only
  return new Function("b", "p", "n", `"use strict"; switch (n) { case 0: return ""; ${cases.join("\n")} }`) as ReadShortText;
}
