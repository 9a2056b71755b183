import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { connectQueries, serveQueries } from "./port.ts";
import type { Answer, QueryAnswerer, QueryRequest } from "./query-request.ts";

const request: QueryRequest = {
  query: "sales",
  format: "ndjson",
  filters: [["sku", ["a", "b"]]],
  from: { kind: "back", ms: 1 },
  to: undefined,
  limit: 10,
  position: { windowStart: -1, key: "\u{1F600}", rows: 1 },
  order: undefined,
  after: [{ topic: "orders", partition: 1, offset: 9_007_199_254_740_993n }],
  waitMs: 5,
};
const never = new AbortController().signal;

function connected(answerer: QueryAnswerer): { asking: ReturnType<typeof connectQueries>; serving: { close(): void } } {
  const { port1, port2 } = new MessageChannel();
  return { serving: serveQueries(answerer, port1), asking: connectQueries(port2) };
}

test("[Q21] a question and its answer cross threads unchanged", async () => {
  const answer: Answer = {
    kind: "rows",
    asOf: { streamTime: 5, offsets: { orders: { 1: "9007199254740993" } } },
    bytes: new TextEncoder().encode("rows"),
    rows: 1,
    next: request.position,
    from: undefined,
    to: undefined,
  };
  const heard: QueryRequest[] = [];
  const { asking } = connected({ answer: (asked) => (heard.push(asked), Promise.resolve({ ...answer, bytes: answer.bytes.slice() })) });
  expect(await asking.answer(request, never)).toEqual(answer);
  expect(heard).toEqual([request]);
  asking.close();
});

test("[Q22] a question that nobody waits for any more is cancelled on the engine's side", async () => {
  const cancelled = Promise.withResolvers<void>();
  const { asking } = connected({
    answer: (_, signal) =>
      new Promise((_settle, reject) =>
        signal.addEventListener("abort", () => {
          cancelled.resolve();
          reject(signal.reason as Error);
        }),
      ),
  });
  const controller = new AbortController();
  const answer = asking.answer(request, controller.signal);
  controller.abort(new Error("went away"));
  await expect(answer).rejects.toThrow("went away");
  await cancelled.promise;
  asking.close();
});

test("[Q23] when the engine is gone every question answers unavailable, those under way too", async () => {
  const { asking, serving } = connected({ answer: () => new Promise(() => undefined) });
  const waiting = asking.answer(request, never);
  serving.close();
  expect(await waiting).toMatchObject({ kind: "unavailable" });
  expect(await asking.answer(request, never)).toMatchObject({ kind: "unavailable" });
});

test("[Q24] a bug of one answer fails that question alone, and is told with its place", async () => {
  let asked = 0;
  const { asking } = connected({
    answer: () => (asked++ === 0 ? Promise.reject(new Error("a bug")) : Promise.resolve({ kind: "unavailable", detail: "later" })),
  });
  await expect(asking.answer(request, never)).rejects.toMatchObject({
    code: "QUERY_FAILED",
    message: expect.stringContaining("a bug") as string,
  });
  expect(await asking.answer(request, never)).toEqual({ kind: "unavailable", detail: "later" });
  asking.close();
});

test("[Q23] a closed port on the asking side stops what the engine still waits for", async () => {
  const aborted = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const { asking } = connected({
    answer: (_, signal) => {
      signal.addEventListener("abort", () => aborted.resolve());
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  const waiting = asking.answer(request, never);
  await asked.promise;
  asking.close();
  await aborted.promise;
  expect(await waiting).toMatchObject({ kind: "unavailable" });
});
