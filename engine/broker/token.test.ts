import { expect, test } from "vitest";
import { formatToken, parseTokens } from "./token.ts";

test("[G15] a token names one position, and tokens are read back to the highest offset of each partition", () => {
  const orders = { topic: "business.orders.created", partition: 3, offset: 18_446n };
  expect(formatToken(orders)).toBe("business.orders.created:3:18446");
  expect(parseTokens(`${formatToken(orders)}, a:0:7,business.orders.created:3:9,a:0:12`)).toEqual({
    kind: "positions",
    positions: [orders, { topic: "a", partition: 0, offset: 12n }],
  });
});

test("[G15] a token keeps every digit of a Kinesis sequence number", () => {
  const offset = 10n ** 128n + 7n;
  expect(parseTokens(formatToken({ topic: "t", partition: 0, offset }))).toEqual({
    kind: "positions",
    positions: [{ topic: "t", partition: 0, offset }],
  });
});

test.each(["", "a", "a:0", "a:0:-1", "a:x:1", "a:0:1e3", "a:00:1", "a:0:1,", "../x/y:0:1", "a:0:1;a:0:2", `a:0:${"9".repeat(130)}`])(
  "[G15] %j is no token, and the answer says which part is not",
  (text) => {
    const parsed = parseTokens(text);
    expect(parsed.kind).toBe("malformed");
    if (parsed.kind === "malformed") expect(text).toContain(parsed.part);
  },
);

test("[G15] more than a thousand tokens are refused", () => {
  expect(parseTokens(Array.from({ length: 1001 }, (_, i) => `a:${i}:1`).join()).kind).toBe("malformed");
});
