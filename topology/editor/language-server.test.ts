import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { processors } from "#processors/registry.ts";
import { aggregateNames } from "../expressions/aggregate-function.ts";
import { LanguageServer, type LspPosition } from "../testing/language-server.ts";

vi.setConfig({ testTimeout: 120_000 });
const shippedPath = fileURLToPath(new URL("../commerce.yaml", import.meta.url));
const shipped = readFileSync(shippedPath, "utf8");
/** Beside the shipped file, so that the same first line finds the schema; it is never on the disk. */
const draftPath = fileURLToPath(new URL("../draft.yaml", import.meta.url));
const begun = "# yaml-language-server: $schema=./topology.schema.json\ntopology: draft\nnodes:\n";

/** Where a text stands, and `‸` in a draft: the cursor. */
function positionOf(text: string, needle: string, into = 0): LspPosition {
  const before = text.slice(0, text.indexOf(needle) + into).split("\n");
  expect(text).toContain(needle);
  return { line: before.length - 1, character: before.at(-1)!.length };
}

describe("[ED1] an editor with yaml-language-server", () => {
  let server: LanguageServer;
  beforeAll(async () => {
    server = await LanguageServer.start();
  }, 60_000);
  afterAll(() => server.stop());

  async function offered(draft: string): Promise<readonly string[]> {
    const text = `${begun}${draft}`;
    await server.write(draftPath, text.replace("‸", ""));
    return (await server.complete(draftPath, positionOf(text, "‸"))).map(({ label }) => label);
  }

  test("finds nothing wrong with the shipped file", async () => {
    expect(await server.write(shippedPath, shipped)).toEqual([]);
  });

  test("is offered the steps of a node and the fields of a step, and told which cannot stand beside what is there", async () => {
    const steps = await offered("  orders:\n    from: business.orders.created\n    ‸\n");
    expect(steps).toEqual(expect.arrayContaining(["dedupe", "where", "flatMap", "key", "window", "aggregate", "top", "use", "to"]));
    expect(steps).not.toContain("from");
    expect(await offered("  orders:\n    from: business.orders.created\n    window:\n      ‸\n    aggregate: { n: count() }\n")).toEqual(
      expect.arrayContaining(["tumbling", "grace", "retain"]),
    );
    const beside =
      "  a:\n    use: fraud/velocity\n    from: business.payments.attempted\n    with: { limit: 3, within: 1h }\n    top: { by: x, limit: 1 }\n";
    expect(await server.write(draftPath, `${begun}${beside}`)).toEqual([
      expect.objectContaining({
        message: "Property top is not allowed.",
        range: expect.objectContaining({ start: { line: 7, character: 4 } }),
      }),
    ]);
  });

  test("is offered processors, their settings and ports, functions, words and topics", async () => {
    expect(await offered("  a:\n    from: business.orders.created\n    use: ‸\n")).toEqual(processors.map(({ name }) => name));
    expect(await offered("  a:\n    from: b\n    use: fraud/velocity\n    with:\n      ‸\n")).toEqual(
      expect.arrayContaining(["limit", "within"]),
    );
    expect(await offered("  a:\n    use: inventory/stock-level\n    with: { lowStockBelow: 5 }\n    from:\n      ‸\n")).toEqual(
      expect.arrayContaining(["orders", "receipts", "adjustments", "cancellations"]),
    );
    const functions = await offered("  a:\n    from: b\n    aggregate:\n      units: ‸\n");
    expect(functions).toEqual(aggregateNames.map((name) => (name === "count" ? "count()" : `${name}(…)`)));
    expect(await offered("  a:\n    from: b\n    emit: ‸\n")).toEqual(["update", "final"]);
    expect(await offered("  a:\n    from: ‸\n")).toContain("business.orders.created");
    const sinks = "  a:\n    from: business.inventory.low\n    to: analytics.low\nsinks:\n  buyers:\n    from: analytics.low\n";
    expect(await offered(`${sinks}    ‸\n`)).toEqual(expect.arrayContaining(["where", "webhook", "postgres", "retry"]));
    expect(await offered(`${sinks}    slack:\n      ‸\n`)).toEqual(expect.arrayContaining(["webhook", "channel", "text"]));
  });

  test("is told what a field is for, which units a duration has, what a processor does, and which fields an event has", async () => {
    await server.write(shippedPath, shipped);
    const hover = (needle: string, into = 1): Promise<string> => server.hover(shippedPath, positionOf(shipped, needle, into));
    expect(await hover("dedupe:")).toContain("Lets the first record of each id through.");
    expect(await hover("grace: 30s")).toMatch(/late, and counted[\s\S]*Units: ms, s, m, h, d/);
    expect(await hover("count()")).toContain("`distinct(…)`: How many different values there are");
    expect(await hover("require:")).toContain("dead letters");
    expect(await hover("that: ", 1)).toContain("Of lists: `.map` `.filter`");
    expect(await hover("limit: 3")).toContain("Attempts that a card may have within the span");
    expect(await hover("fraud/velocity", 3)).toContain("Alerts when one card is tried more often");
    const topic = await hover("from: business.orders.created", 12);
    expect(topic).toContain("`data.total`: money");
    expect(topic).not.toContain("order.paid");
  });

  test("is told of a misspelt field, setting, duration and function, each at its place", async () => {
    const spoilt = shipped
      .replace("dedupe: { by: eventId", "dedup: { by: eventId")
      .replace("{ limit: 3,", "{ limt: 3,")
      .replace("tumbling: 1d", "tumbling: 1day")
      .replace("orders: count()", "orders: cuont()");
    const found = await server.write(shippedPath, spoilt);
    const at = (needle: string, length: number): object => {
      const start = positionOf(spoilt, needle);
      return { start, end: { ...start, character: start.character + length } };
    };
    expect(found.map(({ message, range }) => ({ message, range }))).toEqual(
      expect.arrayContaining([
        { message: "Property dedup is not allowed.", range: at("dedup: {", 5) },
        { message: "Property limt is not allowed.", range: at("limt: 3", 4) },
        { message: expect.stringContaining("A duration has a unit"), range: at("1day", 4) },
        { message: expect.stringContaining("An aggregate is one of count, sum"), range: at("cuont()", 7) },
      ]),
    );
    // Beside these only that the setting is missing, and nothing far off.
    expect(found).toHaveLength(5);
    expect(await server.write(shippedPath, shipped)).toEqual([]);
  });
});
