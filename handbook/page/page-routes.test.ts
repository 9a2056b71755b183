import { expect, test } from "vitest";
import { defaultLimits } from "#gateway/limits.ts";
import type { House } from "../house.ts";
import { openapiOf } from "../openapi/openapi.ts";
import { html, prose } from "./html.ts";
import { createPageRoutes } from "./page-routes.ts";

const hostile = `<img src=x onerror="alert('1')">&`;

async function page(house: Partial<House>, url = "http://shop.test/docs"): Promise<{ readonly response: Response; readonly text: string }> {
  const whole: House = {
    topology: "shop",
    catalogue: [],
    limits: defaultLimits,
    keyed: false,
    takesEvents: true,
    streamed: true,
    routes: () => [{ method: "POST", path: "/v1/events" }],
    ...house,
  };
  const app = createPageRoutes({ document: () => openapiOf(whole, "1.0.0"), codes: [], keyed: whole.keyed });
  const response = await app.request(url);
  return { response, text: await response.text() };
}

test("[H5] texts are texts wherever they stand", async () => {
  expect(html`<a title="${hostile}">${[hostile, 1, undefined]}</a>`.markup).toBe(
    `<a title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;1</a>`,
  );
  expect(prose("a `<b>` c").markup).toBe("a <code>&lt;b&gt;</code> c");
  expect((await page({ topology: hostile })).text).not.toContain("<img");
});

test.each(["a$(id).test", "a`id`.test", "a$&b.test", "a;id.test", "a'b.test"])(
  "[H5] a host that would do something in a shell is not in the line to run: %s",
  async (host) => {
    const { response, text } = await page({}, `http://${host}/docs`);
    expect(response.status).toBe(200);
    expect(text).toContain("curl -sS http://localhost:8080/v1/events");
    expect(text).not.toContain("id.test");
  },
);

test("[H5] the line to run has the address by which the page was asked for, and a key where one is needed", async () => {
  const open = await page({});
  expect(open.text).toContain("curl -sS http://shop.test/v1/events -d &#39;{");
  expect(open.text).not.toContain('id="key"');
  const keyed = await page({ keyed: true }, "https://other.test:8443/docs");
  expect(keyed.text).toContain("curl -sS https://other.test:8443/v1/events -H &quot;Authorization: Bearer $MILLRACE_KEY&quot;");
  expect(keyed.text).toContain('id="key" type="password"');
  expect(keyed.text).not.toContain("shop.test");
});

test("[H5] a process that takes no events in offers none to be sent; the page has a tag and the policy", async () => {
  const { response, text } = await page({ takesEvents: false });
  expect(text).not.toContain("curl");
  expect(text).not.toContain('class="try"');
  expect(response.headers.get("etag")).toMatch(/^"/);
  expect(response.headers.get("content-security-policy")).toContain("require-trusted-types-for 'script'");
});
