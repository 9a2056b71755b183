import { execFileSync } from "node:child_process";
import * as whole from "@platformatic/kafka";
import { expect, test } from "vitest";
import * as parts from "./kafka-library.ts";

test("[K121] what is loaded of the Kafka library is what it exports", () => {
  const byName = whole as unknown as Readonly<Record<string, unknown>>;
  expect(Object.keys(parts).length).toBeGreaterThan(20);
  for (const [name, value] of Object.entries(parts)) {
    expect(value, name).toBeDefined();
    expect(value, name).toBe(byName[name]);
  }
});

test("[K121] nothing of the engine loads the rest of it", () => {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import(${JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)});
    console.log(JSON.stringify(loaded));`;
  const out = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  const library = (JSON.parse(out) as string[]).filter((url) => url.includes("/@platformatic/kafka/dist/"));
  expect(library.length).toBeGreaterThan(20);
  expect(library.filter((url) => /\/dist\/(index\.js|clients|registries)/.test(url))).toEqual([]);
});
