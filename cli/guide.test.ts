import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { runCommand } from "./commands.ts";
import { applyDiff, blocksOf, type Block, chaptersOf } from "./testing/guide-blocks.ts";

// Every chapter runs all cases, twice each, three times or more.
vi.setConfig({ testTimeout: 120_000 });
const repository = new URL("..", import.meta.url).pathname;
const guide = join(repository, "docs/guide-topology-changes.md");
/** Rewrites what the commands say in the guide: for whoever changed what they say, or the shipped files. */
const isWriting = process.env["WRITE_GUIDE"] === "1";
const chapters = chaptersOf(readFileSync(guide, "utf8"));

/** The shipped topology and its cases in a folder of their own. */
function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-guide-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "topology"));
  for (const name of ["commerce.yaml", "commerce.test.yaml"]) {
    copyFileSync(join(repository, "topology", name), join(folder, "topology", name));
  }
  return folder;
}

/** What a line of the guide's console says; cases that pass are elided. */
async function say(line: string, folder: string): Promise<{ readonly code: number; readonly text: string }> {
  const [npx, millrace, command, ...paths] = line.split(" ");
  expect([npx, millrace]).toEqual(["npx", "millrace"]);
  let text = "";
  const out = { write: (said: string): unknown => (text += said) };
  const host = { env: { COLUMNS: "110" }, stdout: out, stderr: out, signal: new AbortController().signal };
  const code = await runCommand([command!, ...paths.map((path) => join(folder, path))], host);
  const plain = text.replaceAll(`${relative(process.cwd(), folder)}/`, "").replaceAll(`${folder}/`, "");
  return { code, text: plain.replace(/(^ok {3}.*\n)+/gm, "…\n") };
}

const patch = ({ file, lines }: Extract<Block, { kind: "diff" }>, folder: string): void => {
  const path = join(folder, file);
  writeFileSync(path, applyDiff(readFileSync(path, "utf8"), lines));
};

test("[ED6] the guide has ten changes", () => {
  expect(chapters.map(({ title }) => title.split(".")[0])).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 1)));
});

test.each(chapters)(
  "[ED6] the guide, $title: the diffs apply, the commands say what the guide shows, and the cases hold the change",
  async ({ text }) => {
    const folder = workspace();
    const blocks = blocksOf(text);
    let [chapter, written] = [text, 0];
    let last = { code: -1, text: "" };
    for (const block of blocks) {
      if (block.kind === "diff") {
        patch(block, folder);
        continue;
      }
      const said: string[] = [];
      for (const command of block.commands) {
        last = await say(command, folder);
        said.push(`$ ${command}\n${last.text}`);
      }
      const whole = said.join("").trimEnd();
      if (!isWriting) expect(whole).toBe(block.text);
      const at = chapter.indexOf(`\n${block.text}\n`, written);
      chapter = `${chapter.slice(0, at + 1)}${whole}${chapter.slice(at + 1 + block.text.length)}`;
      written = at + whole.length;
    }
    if (isWriting)
      writeFileSync(
        guide,
        readFileSync(guide, "utf8").replace(text, () => chapter),
      );
    // In the end all is well,
    expect(blocks.at(-1)?.kind).toBe("console");
    expect(last).toEqual({ code: 0, text: expect.stringMatching(/^…\n\d+ passed, 0 failed\n$/) });
    // and the new cases are of the change: without it they fail.
    const unchanged = workspace();
    for (const block of blocks) if (block.kind === "diff" && block.file.endsWith(".test.yaml")) patch(block, unchanged);
    expect(await say("npx millrace test topology", unchanged)).toEqual({ code: 1, text: expect.stringMatching(/FAIL|TOPOLOGY_/) });
  },
);
