import { expect, test } from "vitest";
import { defaultLimits } from "../limits.ts";
import { authorizer } from "./credentials.ts";
import { eventTime, skewOf } from "./event-time.ts";
import { formatOf } from "./media-type.ts";
import { traceContext } from "./trace-context.ts";

test("[G5] a secret key is known by its hash, anything else is refused", () => {
  const judge = authorizer({
    kind: "keys",
    keys: [
      { name: "shop", secret: "sk_1" },
      { name: "dev", secret: "sk_dev", developer: true },
    ],
  });
  expect(judge("Bearer sk_1")).toEqual({ kind: "known", principal: { name: "shop", developer: false } });
  expect(judge("bearer  sk_dev")).toEqual({ kind: "known", principal: { name: "dev", developer: true } });
  expect(judge(undefined)).toMatchObject({ slug: "missing-credentials" });
  for (const header of [
    "",
    "Bearer",
    "Bearer ",
    "Bearer sk_2",
    "Basic sk_1",
    "sk_1",
    "Bearer sk_1 sk_1",
    "Bearer sk_1\u00e9",
    `Bearer ${"x".repeat(10_000)}`,
  ]) {
    expect(judge(header), header).toMatchObject({ slug: "invalid-credentials" });
  }
  expect(authorizer({ kind: "open" })(undefined)).toEqual({ kind: "known", principal: { name: "open", developer: true } });
});

test("[G5] what let a connection in lets in nothing else", () => {
  const judge = authorizer({
    kind: "keys",
    keys: [
      { name: "shop", secret: "sk_1" },
      { name: "dev", secret: "sk_dev", developer: true },
    ],
  });
  const connection = {};
  const shop = { kind: "known", principal: { name: "shop" } };
  for (let i = 0; i < 2; i++) {
    expect(judge("Bearer sk_1", connection)).toMatchObject(shop);
    for (const header of ["Bearer sk_2", "Bearer sk_", "Bearer sk_1Bearer sk_1", ""]) {
      expect(judge(header, connection), header).toMatchObject({ slug: "invalid-credentials" });
    }
    expect(judge(undefined, connection)).toMatchObject({ slug: "missing-credentials" });
    expect(judge("Bearer sk_dev", connection)).toMatchObject({ principal: { name: "dev" } });
    expect(judge("Bearer sk_1", connection)).toMatchObject(shop);
  }
});

test("[G2] the media type says how a body is read; other charsets are not, and what curl says of itself is for developers", () => {
  expect(formatOf("application/json", false)).toBe("json");
  expect(formatOf('Application/JSON; Charset="UTF-8"', false)).toBe("json");
  expect(formatOf("application/x-ndjson;charset=utf-8", false)).toBe("ndjson");
  expect(formatOf(undefined, true)).toBe("json");
  expect(formatOf("application/x-www-form-urlencoded", true)).toBe("json");
  for (const type of [
    undefined,
    "application/x-www-form-urlencoded",
    "application/json;charset=latin1",
    "application/json; charset=utf-16",
    "text/plain",
    "",
    "__proto__",
    "application/xml",
  ]) {
    expect(formatOf(type, false), String(type)).toBeUndefined();
  }
});

test("[G13] a valid traceparent is continued with a span of its own, anything else begins a new trace", () => {
  const hex = (bytes: number): string => "ab".repeat(bytes);
  const trace = "0af7651916cd43dd8448eb211c80319c";
  expect(traceContext(`00-${trace}-b7ad6b7169203331-01`, hex)).toEqual({ traceId: trace, traceparent: `00-${trace}-abababababababab-01` });
  expect(traceContext(`00-${trace}-b7ad6b7169203331-fe`, hex).traceparent).toMatch(/-00$/);
  expect(traceContext(`cc-${trace}-b7ad6b7169203331-01-more`, hex).traceId).toBe(trace);
  for (const header of [
    undefined,
    "",
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `ff-${trace}-b7ad6b7169203331-01`,
    `00-${trace.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${trace}-b7ad6b7169203331-01-more`,
    `00-${trace}-b7ad6b7169203331`,
    "x".repeat(10_000),
  ]) {
    expect(traceContext(header, hex).traceId, header).toBe("ab".repeat(16));
  }
});

test("[G12] an event's time is believed up to 60 s ahead, moved by a skew above 5 s, and refused before 1970", () => {
  const now = { ms: 1_000_000_000, limits: defaultLimits };
  expect(eventTime(now.ms + 60_000, 0, now)).toEqual({ kind: "told", ms: now.ms + 60_000 });
  expect(eventTime(now.ms + 60_001, 0, now)).toEqual({ kind: "ahead", ms: now.ms });
  expect(eventTime(now.ms + 3_600_000, -3_600_000, now)).toEqual({ kind: "told", ms: now.ms });
  expect(eventTime(now.ms, 5_000, now)).toEqual({ kind: "told", ms: now.ms });
  expect(eventTime(now.ms, 5_001, now)).toEqual({ kind: "told", ms: now.ms + 5_001 });
  expect(eventTime(0, 0, now)).toEqual({ kind: "told", ms: 0 });
  expect(eventTime(-1, 0, now)).toEqual({ kind: "invalid" });
  expect(eventTime(5_000, -6_000, now)).toEqual({ kind: "invalid" });
  expect(skewOf("2026-11-21T09:00:00.000Z", Date.parse("2026-11-21T09:00:07.000Z"))).toBe(7_000);
  expect([undefined, 7, "soon", "2026-02-30T00:00:00Z"].map((sentAt) => skewOf(sentAt, 0))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
