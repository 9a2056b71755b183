import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "#console/testing/browser.ts";
import { svgOf } from "./svg.ts";
import { drawnTopologies } from "./testing/drawn-topologies.ts";
import { wordsOf } from "./words.ts";

type Rect = { readonly what: string; readonly x: number; readonly y: number; readonly width: number; readonly height: number };
type Drawn = {
  readonly fault: string | null;
  readonly title: string;
  readonly description: string;
  readonly size: Rect;
  readonly boxes: readonly (Rect & { readonly texts: readonly Rect[] })[];
  readonly groups: readonly Rect[];
  readonly edges: number;
  readonly labels: readonly Rect[];
  readonly paper: string;
  readonly ink: string;
};

const right = ({ x, width }: Rect): number => x + width;
const bottom = ({ y, height }: Rect): number => y + height;
const isApart = (a: Rect, b: Rect): boolean => right(a) <= b.x || right(b) <= a.x || bottom(a) <= b.y || bottom(b) <= a.y;
const isWithin = (a: Rect, b: Rect): boolean => a.x >= b.x && a.y >= b.y && right(a) <= right(b) && bottom(a) <= bottom(b);

/** What a browser makes of it; the function runs in the page. */
const look = `(() => {
  const svg = document.documentElement;
  const rect = (element, what) => { const { x, y, width, height } = element.getBoundingClientRect(); return { what, x, y, width, height }; };
  const boxes = [...svg.querySelectorAll("g.node:not(.legend), g.topic:not(.legend)")].map((group) => ({
    ...rect(group.querySelector("rect"), group.querySelector("title").textContent),
    texts: [...group.querySelectorAll("text")].map((text) => rect(text, text.textContent)),
  }));
  return {
    fault: document.querySelector("parsererror")?.textContent ?? null,
    title: svg.querySelector("title#topology-title").textContent,
    description: document.getElementById(svg.getAttribute("aria-labelledby").split(" ")[1]).textContent,
    size: rect(svg, "svg"),
    boxes,
    groups: [...svg.querySelectorAll("g.group rect")].map((group, i) => rect(group, "group " + i)),
    edges: svg.querySelectorAll("g.edge path").length,
    labels: [...svg.querySelectorAll("text.label")].map((label) => rect(label, label.textContent)),
    paper: getComputedStyle(svg.querySelector(".paper")).fill,
    ink: getComputedStyle(svg.querySelector(".name")).fill,
  };
})()`;

test.each(drawnTopologies)("[ED4] the SVG of $name asks for nothing and runs nothing", ({ graph }) => {
  const svg = svgOf(graph);
  expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /<script|<foreignObject|https?:|@import|\shref=|\son[a-z]+=|url\((?!#)/,
  );
  // The same plan is drawn the same way.
  expect(svgOf(graph)).toBe(svg);
});

describe.skipIf(browserPath === undefined)("the SVG in a browser (needs Chromium or Chrome on the path)", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  async function drawn(svg: string, colorScheme: "light" | "dark"): Promise<Drawn> {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await page.goto(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`);
    const seen = (await page.evaluate(look)) as Drawn;
    await context.close();
    return seen;
  }

  test.each(drawnTopologies)(
    "[ED4] of $name no box stands on another or on a label, every text is in its box, and the description says it all",
    async ({ graph }) => {
      const { fault, title, description, size, boxes, groups, edges, labels } = await drawn(svgOf(graph), "light");
      expect({ fault, title, edges }).toEqual({ fault: null, title: `Topology ${graph.topology}`, edges: graph.edges.length });
      expect(description).toBe(wordsOf(graph));
      for (const { id } of graph.nodes) expect(description).toContain(`${id} reads `);
      expect(boxes).toHaveLength(graph.order.length);
      expect(groups).toHaveLength(graph.subTopologies.length);
      const wrong: string[] = [];
      for (const [i, box] of boxes.entries()) {
        if (!isWithin(box, size)) wrong.push(`${box.what} is outside`);
        for (const text of box.texts) if (text.what !== "" && !isWithin(text, box)) wrong.push(`"${text.what}" leaves ${box.what}`);
        for (const label of labels) if (!isApart(label, box)) wrong.push(`the label ${label.what} and ${box.what}`);
        for (const other of boxes.slice(i + 1)) if (!isApart(box, other)) wrong.push(`${box.what} and ${other.what}`);
        for (const group of groups) if (!isWithin(box, group) && !isApart(box, group)) wrong.push(`${box.what} and ${group.what}`);
      }
      for (const [i, a] of groups.entries()) for (const b of groups.slice(i + 1)) if (!isApart(a, b)) wrong.push(`${a.what} and ${b.what}`);
      expect(wrong).toEqual([]);
    },
  );

  test("[ED4] it is light or dark as its reader has it", async () => {
    const svg = svgOf(drawnTopologies[0]!.graph);
    const [light, dark] = [await drawn(svg, "light"), await drawn(svg, "dark")];
    expect([light.paper, light.ink]).toEqual(["rgb(255, 255, 255)", "rgb(27, 35, 48)"]);
    expect([dark.paper, dark.ink]).toEqual(["rgb(18, 22, 28)", "rgb(232, 236, 242)"]);
  });
});
