import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "#console/testing/browser.ts";
import { mermaidOf } from "./mermaid.ts";
import { drawnTopologies } from "./testing/drawn-topologies.ts";

describe.each(drawnTopologies)("[ED4] Mermaid of $name", ({ graph }) => {
  const lines = mermaidOf(graph).trimEnd().split("\n");
  const vertex = /^ {2,4}(v\d+)(\[\(|\[|\(\[|\{\{)"([^"\n]*)"(\)\]|\]|\]\)|\}\})$/;
  const edge = /^ {2}(v\d+) (-->|-\.->)(\|"[^"\n]*"\|)? (v\d+)$/;

  test("is made of the few forms of its grammar, each vertex declared once, each edge between two of them", () => {
    expect(lines[0]).toBe("flowchart LR");
    expect(lines[1]).toBe(`  accTitle: Topology ${graph.topology}`);
    expect(lines[2]).toMatch(/^ {2}accDescr \{ [^{}\n]+ \}$/);
    const declared = lines.flatMap((line) => vertex.exec(line)?.[1] ?? []);
    expect(declared).toHaveLength(graph.order.length);
    expect(new Set(declared).size).toBe(declared.length);
    const edges = lines.flatMap((line) => {
      const match = edge.exec(line);
      return match === null ? [] : [[match[1]!, match[4]!]];
    });
    expect(edges).toHaveLength(graph.edges.length);
    for (const end of edges.flat()) expect(declared).toContain(end);
    const others = lines.slice(3).filter((line) => !vertex.test(line) && !edge.test(line));
    expect(others.filter((line) => !/^ {2}(subgraph s\d+\["[^"\n]*"\]|end)$/.test(line))).toEqual([]);
    expect(others).toHaveLength(2 * graph.subTopologies.length);
    // What is between quotes has no sign that ends them, or that HTML or Markdown know, but the breaks between lines.
    const labels = lines.slice(3).flatMap((line) => [...line.matchAll(/"([^"]*)"/g)].map((match) => match[1]!));
    for (const label of labels) expect(label.replaceAll("<br>", "").replace(/#\d+;/g, "")).not.toMatch(/[#&<>`\\*_[\]{}|]/);
  });
});

const script = process.env["MILLRACE_MERMAID"];

/** `MILLRACE_MERMAID` names a mermaid.min.js: with all it needs it is 108 MB, too much for a development dependency. CI has it. */
describe.skipIf(browserPath === undefined || script === undefined)(
  "Mermaid itself (needs Chromium on the path and MILLRACE_MERMAID)",
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    }, 60_000);
    afterAll(() => browser?.close());

    test.each(drawnTopologies)("[ED4] parses and draws $name, every text as it is", { timeout: 120_000 }, async ({ graph }) => {
      const page = await browser.newPage();
      await page.addScriptTag({ content: readFileSync(script!, "utf8") });
      const drawn = await page.evaluate(`(async () => {
      mermaid.initialize({ startOnLoad: false });
      const text = ${JSON.stringify(mermaidOf(graph))};
      const { diagramType } = await mermaid.parse(text);
      const { svg } = await mermaid.render("drawn", text);
      document.body.innerHTML = svg;
      const texts = (of) => [...document.querySelectorAll(of)].map((one) => one.innerText.trim());
      return { diagramType, nodes: texts(".node .nodeLabel"), groups: texts(".cluster-label .nodeLabel"), edges: document.querySelectorAll(".edgePaths path").length };
    })()`);
      const { diagramType, nodes, groups, edges } = drawn as { diagramType: string; nodes: string[]; groups: string[]; edges: number };
      expect(diagramType).toBe("flowchart-v2");
      expect(edges).toBe(graph.edges.length);
      expect(groups).toHaveLength(graph.subTopologies.length);
      expect(nodes).toHaveLength(graph.order.length);
      const said = nodes.map((text) => text.replace(/\s+/g, " "));
      for (const { id, does } of graph.nodes) {
        const short = does.filter((step) => step.length <= 44).map((step) => step.replace(/\s+/g, " "));
        expect(
          said.some((text) => text.startsWith(id) && short.every((step) => text.includes(step))),
          `${id}: ${short.join()}`,
        ).toBe(true);
      }
      await page.close();
    });
  },
);
