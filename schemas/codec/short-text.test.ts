import { expect, test } from "vitest";
import { shortText, shortTextBytes } from "./short-text.ts";

test("[E13] short ASCII is read as it stands, anything else is left to others", () => {
  const bytes = Buffer.from(`<${"0123456789abcdefghijklmnopqrstuvwxyz\u0000\u007f"}>`);
  for (let length = 0; length <= bytes.length; length++) {
    for (let from = 0; from + length <= bytes.length; from++) {
      const wanted = length <= shortTextBytes ? bytes.toString("latin1", from, from + length) : undefined;
      expect(shortText(bytes, from, length)).toBe(wanted);
    }
  }
  for (let at = 0; at < shortTextBytes; at++) {
    const odd = Buffer.from("x".repeat(shortTextBytes));
    odd[at] = 0x80;
    expect(shortText(odd, 0, shortTextBytes)).toBeUndefined();
  }
});
