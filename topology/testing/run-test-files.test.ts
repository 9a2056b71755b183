import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { defineProcessor, keyValueStore, mapValue } from "@millrace/engine";
import { codecOf } from "#schemas/codec/record-codec.ts";
import { formatProblem } from "../topology-error.ts";
import { formatResults } from "./format-results.ts";
import { runTestFiles } from "./run-test-files.ts";

const topology = `
topology: t
nodes:
  units: { from: business.inventory.received, aggregate: { units: sum(data.quantity) }, to: analytics.units }
`;

function files(cases: string, text = topology): string {
  const folder = mkdtempSync(join(tmpdir(), "topology-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "t.yaml"), text);
  const path = join(folder, "t.test.yaml");
  writeFileSync(path, cases);
  return path;
}

async function run(path: string): Promise<string> {
  const { problems, results } = await runTestFiles([path], { processors: [] });
  return [...problems.map((problem) => formatProblem(problem)), formatResults(results)]
    .join("\n")
    .replaceAll(path, "t.test.yaml")
    .replaceAll(path.replace(".test", ""), "t.yaml");
}

test("[Y18] [ED5] a case that fails says where and what", async () => {
  const path = files(`
- law: passes
  in: { business.inventory.received: [{ data: { sku: A, quantity: 2 } }] }
  rows: { units: [{ sku: A, units: 2 }] }
- name: fails
  steps:
    - in: { business.inventory.received: [{ at: 1h, data: { sku: A, quantity: 2 } }] }
      out: { analytics.units: [{ key: A, at: 1h, units: 3 }], analytics.unit: [] }
    - rows: { units: [], unit: [] }
      deadLetters: [{ reason: late }]
- name: says nothing that is an event
  in: { business.inventory.received: [{ data: { sku: A, quantitty: 2 } }], business.inventory.recieved: [{ data: {} }] }
`);
  expect(await run(path)).toBe(`ok   t.test.yaml:2  passes
FAIL t.test.yaml:5  fails
     line 7: out: there is no topic "analytics.unit"; did you mean "analytics.units"?
     out analytics.units
       line             expected  there is
          8  [0].units  3         2
     line 9: rows: there is no query "unit"; did you mean "units"?
     rows units
       line       expected  there is
          9  [0]  nothing   {"sku":"A","units":2}
     deadLetters
       line       expected           there is
         10  [0]  {"reason":"late"}  none
FAIL t.test.yaml:11  says nothing that is an event
     line 11: in business.inventory.received, line 12: /data/quantitty: unknown field; it is not kept (a field of the schema)
     line 11: in business.inventory.recieved, line 12: there is no topic "business.inventory.recieved"; did you mean "business.inventory.received"?
1 passed, 2 failed
`);
});

test("[ED5] good and bad are marked as the caller has it, values share the columns there are, and times stand as the file has them", async () => {
  const path = files(`
- name: fails
  in: { business.inventory.received: [{ at: 1h, data: { sku: A, quantity: 2 } }] }
  rows: { units: [{ sku: A, units: 3 }, { sku: "${"B".repeat(80)}", units: 4 }] }
  out: { analytics.units: [{ key: A, at: 2h }] }
`);
  const { results } = await runTestFiles([path], { processors: [] });
  const mark = (sign: string) => (text: string) => `${sign}${text}${sign}`;
  const text = formatResults(results, { good: mark("+"), bad: mark("!"), dim: mark(""), bold: mark("*"), columns: 60 });
  expect(text.replaceAll(path, "t.test.yaml")).toBe(`!FAIL! t.test.yaml:2  *fails*
     *out analytics.units*
       line          expected  there is
          5  [0].at  +2h      +  !1h!
     *rows units*
       line             expected           there is
          4  [0].units  +3                +  !2!
          4  [1]        +{"sku":"BBBBBBBB…+  !none!
!0 passed, 1 failed!
`);
});

test("[Y18] mistakes of a test file, or of its topology, are told with their places and nothing is run", async () => {
  expect(await run(files(`- { nam: x, in: { business.inventory.received: [7] }, clock: soon }\n`)))
    .toBe(`t.test.yaml:1:3  TOPOLOGY_MISSING_FIELD  a case needs "law" or "name"
t.test.yaml:1:5  TOPOLOGY_UNKNOWN_FIELD  a case has no field "nam"; did you mean "name"?
t.test.yaml:1:49  TOPOLOGY_WRONG_SHAPE  a record of "business.inventory.received" is a map: { at: 0s, data: { … } }
t.test.yaml:1:62  TOPOLOGY_BAD_DURATION  "clock" of a case is a duration such as 250ms, 30s, 1m, 24h, 7d; not "soon"
0 passed, 0 failed
`);
  expect(await run(files(`- { name: x, in: {} }\n`, topology.replace("sum(", "summ(")))).toContain(
    "t.yaml:4:67  TOPOLOGY_UNKNOWN_FUNCTION  there is no aggregate summ()",
  );
});

test("[Y19] a processor that forgets at a restart fails its cases", async () => {
  const counter = (isDurable: boolean) =>
    defineProcessor({
      name: "test/counter",
      summary: "Counts.",
      config: { parse: () => ({}) },
      inputs: { in: { shape: { kind: "event", event: "inventory.received" } } },
      outputs: { counts: { shape: { kind: "record", fields: { n: "int" } }, key: "n" } },
      stores: () => ({
        count: keyValueStore(codecOf<{ n: number }>({ kind: "record", name: "N", fields: [{ name: "n", type: { kind: "long" } }] })),
      }),
      run: ({ in: events }, { count }) => {
        let n = 0;
        const next = (): { n: number } => {
          n = (isDurable ? (count.get("n")?.n ?? 0) : n) + 1;
          count.put("n", { n });
          return { n };
        };
        return { counts: events.pipe(mapValue(next)) };
      },
    });
  const path = files(
    `- name: counts\n  in: { business.inventory.received: [{ data: { sku: A } }, { data: { sku: A } }] }\n  out: { analytics.n: [{ n: 1 }, { n: 2 }] }\n`,
    `topology: t\nnodes:\n  count: { use: test/counter, from: business.inventory.received, to: analytics.n }\n`,
  );
  const outcome = async (isDurable: boolean): Promise<string> =>
    formatResults((await runTestFiles([path], { processors: [counter(isDurable)] })).results);
  expect(await outcome(true)).toContain("1 passed, 0 failed");
  expect(await outcome(false)).toContain(`     with a restart after every record:
     out analytics.n
       line         expected  there is
          3  [1].n  2         1
`);
});
