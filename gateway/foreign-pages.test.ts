import { afterEach, expect, test } from "vitest";
import { viewed } from "./testing/sample-events.ts";
import { openTestGateway, type TestGateway } from "./testing/test-gateway.ts";

let opened: TestGateway | undefined;
afterEach(() => opened?.close());

const form = { authorization: "", "content-type": "application/x-www-form-urlencoded" };

test("[G31] where any host is served and nobody asked for a key, pages of another origin still post nothing", async () => {
  const { post, send, stored } = (opened = await openTestGateway({ hosts: "any", access: { kind: "open" } }));
  // What a form on any page sends without asking first, read as a developer's `curl -d`.
  const foreign: readonly Readonly<Record<string, string>>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const headers of foreign) {
    const answer = await post(viewed("forged"), { ...form, host: "millrace.lan:8080", ...headers });
    expect([answer.status, answer.json!.type]).toEqual([403, "/problems/origin-not-allowed"]);
  }
  const own: readonly Readonly<Record<string, string>>[] = [
    {},
    { origin: "http://millrace.lan:8080" },
    // Behind a proxy that passes another Host on.
    { origin: "https://shop.example", "sec-fetch-site": "same-origin" },
  ];
  for (const [i, headers] of own.entries())
    expect((await post(viewed(`own-${i}`), { ...form, host: "millrace.lan:8080", ...headers })).status).toBe(200);
  expect((await stored()).map(({ event }) => event.eventId)).toEqual(["own-0", "own-1", "own-2"]);
  // Whoever follows a link sees the page.
  expect((await send({ path: "/livez", headers: { "sec-fetch-site": "cross-site" } })).status).toBe(200);
});

test("[G31] where a key is asked for, what stands in front says which pages may post", async () => {
  const { post } = (opened = await openTestGateway({ hosts: "any" }));
  expect(
    (await post(viewed("shop"), { host: "events.example", origin: "https://shop.example", "sec-fetch-site": "same-site" })).status,
  ).toBe(200);
});
