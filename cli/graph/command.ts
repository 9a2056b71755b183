import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { CommandHost } from "../command.ts";
import { loadChecked } from "../load-checked.ts";
import { shippedTopology } from "../shipped-topology.ts";
import { mermaidOf } from "./mermaid.ts";
import { svgOf } from "./svg.ts";

const help = `millrace graph [TOPOLOGY] [--format mermaid|svg] [--out FILE]

Draws the plan of a topology: its nodes with their steps, the topics between them, and what runs together. Dashed is a change of key,
which is a way through the log. Without TOPOLOGY: the shipped topology/commerce.yaml.

  --format FORMAT  mermaid (default): text that GitHub, GitLab and many editors draw; svg: a drawing that stands alone, light and dark
  --out FILE       write it there instead of to the terminal; a name that ends in .svg or .mmd says the format too
  -h, --help       this text

Exit codes: 0 done, 1 mistakes in the topology, or the file cannot be written, 2 wrong usage.
`;

const formats = { mermaid: mermaidOf, svg: svgOf } as const;
type Format = keyof typeof formats;
const isFormat = (name: string): name is Format => Object.hasOwn(formats, name);

const options = { format: { type: "string" }, out: { type: "string" }, help: { type: "boolean", short: "h", default: false } } as const;

/** `millrace graph`. */
export async function runGraphCommand(args: readonly string[], { stdout, stderr }: CommandHost): Promise<number> {
  const misused = (message: string): number => {
    stderr.write(`${message}\nmillrace graph --help says more\n`);
    return 2;
  };
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return misused(messageOf(error));
  }
  const { help: isHelp, format = formatOf(parsed.values.out), out } = parsed.values;
  if (isHelp) {
    stdout.write(help);
    return 0;
  }
  if (!isFormat(format)) return misused(`there is no format ${format}; there are ${Object.keys(formats).join(", ")}`);
  const [topology = shippedTopology, ...more] = parsed.positionals;
  if (more.length > 0) return misused(`one topology a drawing: ${more.join(", ")} is too many`);
  const checked = loadChecked(topology, { stderr });
  if (checked === undefined) return 1;
  const drawing = formats[format](checked.compiled.graph);
  if (out === undefined) {
    stdout.write(drawing);
    return 0;
  }
  try {
    writeFileSync(out, drawing);
    return 0;
  } catch (error) {
    stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

const formatOf = (out: string | undefined): Format => (out?.endsWith(".svg") === true ? "svg" : "mermaid");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}
