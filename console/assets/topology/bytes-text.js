/** A record's bytes as somebody can read them: the text that they are, else their ASCII letters, with a dot for any other byte. */
export function bytesText({ text, base64 }) {
  if (text !== null) return [...text].map((sign) => (isControl(sign) ? "·" : sign)).join("");
  return [...atob(base64)].map((sign) => (sign < " " || sign > "~" ? "·" : sign)).join("");
}

const isControl = (sign) => (sign < " " && sign !== "\n" && sign !== "\t") || sign === "\u007F";
