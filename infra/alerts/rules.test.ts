import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findTool, toolsNeeded } from "./testing/tools.ts";

const folder = fileURLToPath(new URL("./", import.meta.url));
const runbooks = fileURLToPath(new URL("../../docs/runbooks/", import.meta.url));
type Rule = {
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
};
const text = readFileSync(join(folder, "millrace.rules.yaml"), "utf8");
const { groups } = parse(text) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);

const testText = readFileSync(join(folder, "millrace.tests.yaml"), "utf8");
const testFile = parse(testText) as { readonly tests: readonly { readonly alert_rule_test: readonly { readonly alertname: string }[] }[] };
/** The tests of one alert alone: each case costs promtool a database. */
const testsOf = (alert: string): string =>
  JSON.stringify({ ...testFile, tests: testFile.tests.filter((one) => one.alert_rule_test.some(({ alertname }) => alertname === alert)) });

const scratch = mkdtempSync(join(tmpdir(), "millrace-alerts-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What promtool says of the rules, changed or as they are. */
function judge(rules: string, tests: string = testText): { readonly passes: boolean; readonly says: string } {
  writeFileSync(join(scratch, "millrace.rules.yaml"), rules);
  writeFileSync(join(scratch, "millrace.tests.yaml"), tests);
  const run = spawnSync(findTool("promtool")!, ["test", "rules", "millrace.tests.yaml"], { cwd: scratch, encoding: "utf8" });
  return { passes: run.status === 0, says: `${run.stdout}${run.stderr}` };
}

describe("alert rules", () => {
  const missing = toolsNeeded(["promtool", "amtool"]);
  beforeEach((context) => {
    if (missing !== undefined && !process.env["CI"]) context.skip(missing);
  });

  test("[AL1] each fires when it should and not when it should not, as promtool judges", () => {
    expect(judge(text)).toMatchObject({ passes: true });
    for (const { alert } of alerts) {
      const asked = [...testText.matchAll(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:( \\[\\])?`, "g"))].map(
        ([, none]) => none !== undefined,
      );
      expect({ alert, fires: asked.includes(false), rests: asked.includes(true) }).toEqual({ alert, fires: true, rests: true });
    }
  }, 60_000);

  test("[AL1] the tests hold each line: another threshold fails them", () => {
    const lines = [...text.matchAll(/([<>]=?|==) (\d+(?:\.\d+)?)$/gm)];
    expect(lines.length).toBeGreaterThanOrEqual(12);
    for (const { index, 0: found, 1: sign, 2: number } of lines) {
      const value = Number(number);
      const other = sign === ">" ? value * 100 + (value === 0 ? 50 : 0) : sign === "==" ? value + 2 : value * 0.001;
      const changed = `${text.slice(0, index)}${sign} ${other}${text.slice(index + found.length)}`;
      const line = text.slice(text.lastIndexOf("\n", index), index + found.length).trim();
      const [, alert] = [...text.slice(0, index).matchAll(/- alert: (\w+)/g)].at(-1)!;
      expect({ line, passes: judge(changed, testsOf(alert!)).passes }).toEqual({ line, passes: false });
    }
  }, 240_000);

  test("[AL2] Prometheus and Alertmanager take the files as they stand", () => {
    for (const [tool, args] of [
      ["promtool", ["check", "config", join(folder, "prometheus.yaml")]],
      ["amtool", ["check-config", join(folder, "alertmanager.yaml")]],
    ] as const) {
      const run = spawnSync(findTool(tool)!, args, { encoding: "utf8" });
      expect({ tool, status: run.status, says: run.stderr }).toMatchObject({ tool, status: 0 });
    }
  });
});

test("[AL3] every alert leads to a page that says what to look at, what to do, and how to know that it is over; no page is without its alert", () => {
  const linked = alerts.map(({ alert, annotations }) => {
    const page = /docs\/runbooks\/([a-z-]+\.md)$/.exec(annotations!["runbook_url"]!)?.[1];
    return { alert: alert!, page: page! };
  });
  for (const { alert, page } of linked) {
    const body = readFileSync(join(runbooks, page), "utf8");
    expect({ alert, named: body.includes(`\`${alert}\``) }).toEqual({ alert, named: true });
    for (const head of ["## What it means", "## Look", "## Do", "## It is over when"])
      expect({ page, head: body.includes(`\n${head}\n`) ? head : "missing" }).toEqual({ page, head });
  }
  expect(readdirSync(runbooks).toSorted()).toEqual([...new Set(linked.map(({ page }) => page)), "README.md"].toSorted());
});

test("[AL1] every alert is a warning or critical", () => {
  expect(new Set(alerts.map(({ labels }) => labels!["severity"]))).toEqual(new Set(["warning", "critical"]));
});
