const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
const literalOf: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const hex4 = /[0-9a-fA-F]{4}/y;

/** What the grammar allows next: a value, a value or the end of an empty array, a key, a key or the end of an empty object, what follows a value. */
type Expected = "value" | "value-or-close" | "key" | "key-or-close" | "after-value";

/**
 * The index of the first character of `text` that RFC 8259 does not allow there (`text.length`: it ends too early), or undefined when it is
 * JSON. `JSON.parse` tells a place for some mistakes only; this runs after it failed.
 */
export function jsonFaultAt(text: string): number | undefined {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
    const character = text[at];
    if (expected === "after-value" && open.length === 0) return character === undefined ? undefined : at;
    if (character === undefined) return at;
    if (expected === "after-value") {
      const inObject = open[open.length - 1] === "{";
      if (character === ",") expected = inObject ? "key" : "value";
      else if (character === (inObject ? "}" : "]")) open.pop();
      else return at;
      at += 1;
    } else if (expected === "key" || expected === "key-or-close") {
      if (character === "}" && expected === "key-or-close") {
        open.pop();
        expected = "after-value";
        at += 1;
        continue;
      }
      if (character !== '"') return at;
      const end = endOfString(text, at);
      if (end.broken) return end.at;
      at = end.at;
      while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
      if (text[at] !== ":") return at;
      at += 1;
      expected = "value";
    } else if (character === "]" && expected === "value-or-close") {
      open.pop();
      expected = "after-value";
      at += 1;
    } else if (character === "{" || character === "[") {
      open.push(character);
      expected = character === "{" ? "key-or-close" : "value-or-close";
      at += 1;
    } else {
      const end = character === '"' ? endOfString(text, at) : endOfScalar(text, at);
      if (end.broken) return end.at;
      at = end.at;
      expected = "after-value";
    }
  }
}

type End = { readonly at: number; readonly broken: boolean };

// A loop, not one regular expression: a string of megabytes would overflow its backtracking stack.
function endOfString(text: string, start: number): End {
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') return { at: at + 1, broken: false };
    if (character < " ") return { at, broken: true };
    if (character !== "\\") continue;
    at += 1;
    if (text[at] === "u") {
      hex4.lastIndex = at + 1;
      if (!hex4.test(text)) return { at: at - 1, broken: true };
      at += 4;
    } else if (at >= text.length || !'"\\/bfnrt'.includes(text[at]!)) return { at: Math.min(at, text.length) - 1, broken: true };
  }
  return { at: text.length, broken: true };
}

function endOfScalar(text: string, start: number): End {
  const literal = literalOf[text[start]!];
  if (literal !== undefined) {
    let at = start;
    for (const letter of literal) {
      if (text[at] !== letter) return { at, broken: true };
      at += 1;
    }
    return { at, broken: false };
  }
  number.lastIndex = start;
  return number.test(text) ? { at: number.lastIndex, broken: false } : { at: start, broken: true };
}
