/** A part of a text, from `start` up to but not including `end`. */
export type Span = readonly [start: number, end: number];

/** Where the elements of the array that begins at `from` lie in well-formed JSON, space around them left out. */
export function elementSpans(text: string, from: number): readonly Span[] {
  const spans: Span[] = [];
  let at = skipSpace(text, text.indexOf("[", from) + 1);
  while (text[at] !== "]") {
    const end = endOfValue(text, at);
    spans.push([at, end]);
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return spans;
}

/** Where the elements of the array `name` of an object lie in well-formed JSON; undefined when the object names it twice. */
export function memberSpans(text: string, name: string): readonly Span[] | undefined {
  let spans: readonly Span[] | undefined;
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (text[at] !== "}") {
    const keyEnd = endOfValue(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    if (key === name) {
      if (spans !== undefined) return undefined;
      spans = elementSpans(text, start);
    }
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return spans;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (" \n\r\t".includes(text[at] ?? "x")) at += 1;
  return at;
}

/** Behind the value that begins at `from`; the text is known to be JSON. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      for (at += 1; text[at] !== '"'; at++) if (text[at] === "\\") at += 1;
      if (depth === 0) return at + 1;
    } else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (character === "," || " \n\r\t".includes(character))) return at;
  }
  return text.length;
}
