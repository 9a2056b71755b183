import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, expect, test } from "vitest";

const launcher = fileURLToPath(new URL("./millrace.js", import.meta.url));

/** A checkout of two programs that tell where they lie, and a bundle of the one. */
function checkout(): { readonly root: string; readonly started: () => string; readonly note: (inputs: unknown) => void } {
  const root = mkdtempSync(join(tmpdir(), "millrace-launch-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ["cli", "dist"]) mkdirSync(join(root, folder));
  copyFileSync(launcher, join(root, "cli/millrace.js"));
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  writeFileSync(join(root, "cli/main.ts"), 'const from: string = "sources"; console.log(from, process.argv[2]);');
  writeFileSync(join(root, "dist/main.js"), 'console.log("bundle", process.argv[2]);');
  return {
    root,
    started: () => execFileSync(process.execPath, [join(root, "cli/millrace.js"), "one"], { encoding: "utf8" }).trim(),
    note: (inputs) => writeFileSync(join(root, "dist/inputs.json"), typeof inputs === "string" ? inputs : JSON.stringify(inputs)),
  };
}

test("[R18] the bundle is started as long as every file that it was made of is unchanged, else the sources", () => {
  const { root, started, note } = checkout();
  const source = join(root, "cli/main.ts");
  expect(started()).toBe("sources one");
  const { size, mtimeMs } = statSync(source);
  note([["cli/main.ts", size, mtimeMs]]);
  expect(started()).toBe("bundle one");
  utimesSync(source, new Date(), new Date(mtimeMs + 2000));
  expect(started()).toBe("sources one");
  const now = statSync(source);
  note([["cli/main.ts", now.size, now.mtimeMs]]);
  expect(started()).toBe("bundle one");
  note([["cli/main.ts", now.size + 1, now.mtimeMs]]);
  expect(started()).toBe("sources one");
  note([
    ["cli/main.ts", now.size, now.mtimeMs],
    ["cli/gone.ts", 1, 1],
  ]);
  expect(started()).toBe("sources one");
});

test("[R18] a bundle that was not finished is not started", () => {
  const { started, note } = checkout();
  for (const broken of ["", "[[", "null", "{}"]) {
    note(broken);
    expect(started(), broken).toBe("sources one");
  }
});
