import { afterEach, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "./testing/test-gateway.ts";

let opened: TestGateway | undefined;
afterEach(() => opened?.close());

test("[G28] a route behind the guard answers who has a key, and nobody else, with the problems of the tail", async () => {
  const { gateway, send } = (opened = await openTestGateway());
  let asked = 0;
  gateway.app.get("/v1/private", gateway.guard("private things"), (c) => {
    asked += 1;
    return c.text("seen");
  });
  expect(await send({ path: "/v1/private" })).toMatchObject({ status: 200, text: "seen" });
  const wrong = await send({ path: "/v1/private", headers: { authorization: "Bearer no" } });
  expect([wrong.status, wrong.headers["content-type"], wrong.headers["cache-control"]]).toEqual([
    401,
    "application/problem+json",
    "no-store",
  ]);
  expect(wrong.json).toMatchObject({
    type: "/problems/invalid-credentials",
    status: 401,
    detail: "private things are shown to those with a key",
  });
  const none = await send({ path: "/v1/private", headers: { authorization: "" } });
  expect(none.status).toBe(401);
  expect(asked).toBe(1);
});

test("[G28] where no key is asked for, everybody on this machine may see it", async () => {
  const { gateway, send } = (opened = await openTestGateway({ access: { kind: "open" } }));
  gateway.app.get("/v1/private", gateway.guard("private things"), (c) => c.text("seen"));
  expect((await send({ path: "/v1/private" })).status).toBe(200);
});
