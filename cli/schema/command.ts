import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { processors } from "#processors/registry.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import { editorSchema } from "#topology/editor/editor-schema.ts";
import type { CommandHost } from "../command.ts";

const help = `millrace schema [--out FILE | --check FILE]

Writes the JSON Schema of topology files, of this version's steps, processors and events: completion, hover text and diagnostics for editors.
An editor that runs yaml-language-server (VS Code with the YAML extension, Neovim, Helix …) finds it by the first line of a topology file:

  # yaml-language-server: $schema=./topology.schema.json

  --out FILE    write it there instead of to the terminal
  --check FILE  say whether that file is what would be written
  -h, --help    this text

Exit codes: 0 done, 1 the file is another or cannot be written, 2 wrong usage.
`;

const options = { out: { type: "string" }, check: { type: "string" }, help: { type: "boolean", short: "h", default: false } } as const;

/** `millrace schema`. */
export async function runSchemaCommand(args: readonly string[], { stdout, stderr }: CommandHost): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    stderr.write(`${messageOf(error)}\nmillrace schema --help says more\n`);
    return 2;
  }
  const { help: isHelp, out, check } = parsed.values;
  if (isHelp) {
    stdout.write(help);
    return 0;
  }
  if (out !== undefined && check !== undefined) {
    stderr.write("--out writes the file, --check only looks at it: give one of them\nmillrace schema --help says more\n");
    return 2;
  }
  const text = `${JSON.stringify(editorSchema({ processors, events: eventRegistry }), undefined, 1)}\n`;
  try {
    if (check !== undefined) return checked(check, text, stderr);
    if (out === undefined) stdout.write(text);
    else writeFileSync(out, text);
    return 0;
  } catch (error) {
    stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

function checked(file: string, text: string, stderr: CommandHost["stderr"]): number {
  if (readFileSync(file, "utf8") === text) return 0;
  stderr.write(`${file} is not of these sources: write it anew with  npx millrace schema --out ${file}\n`);
  return 1;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options });
}
