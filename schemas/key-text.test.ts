import { expect, test } from "vitest";
import { keyText } from "./key-text.ts";

test.each(["17850", "BANK CHARGES", "guest-536365~1", "Zoë", "名前", "x".repeat(128), "é".repeat(64), "🛒"])("[E9] %s is a key", (text) => {
  expect(keyText(text)).toBe(text);
});

test.each([
  "",
  "x".repeat(129),
  "é".repeat(65),
  "🛒".repeat(33),
  "a\u0000",
  "a\tb",
  "a\u007F",
  "a\u0085",
  "a\u200D",
  "\u2066x",
  "a\u2029",
  "\uE000",
  "\ud800",
])("[E9] %j is no key", (text) => {
  expect(keyText(text)).toBeUndefined();
});

test("[E9] a key is taken in NFC, and measured so", () => {
  expect(keyText("e\u0301")).toBe("\u00e9");
  expect(keyText("e\u0301".repeat(64))).toBe("\u00e9".repeat(64));
  expect(keyText("\uD55C".normalize("NFD"))).toBe("\uD55C");
});
