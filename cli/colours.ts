import { styleText } from "node:util";
import type { CommandHost } from "./command.ts";

/** How a command marks what it says. */
export type Colours = {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
};

type Said = Pick<CommandHost, "env" | "stdout">;

/** Whether colours are wanted: on a terminal, unless NO_COLOR is set (no-color.org); elsewhere with FORCE_COLOR only. */
export function isColoured({ env, stdout }: Said): boolean {
  const [no, force] = [env["NO_COLOR"], env["FORCE_COLOR"]];
  if (no !== undefined && no !== "") return false;
  if (force !== undefined && force !== "") return force !== "0";
  return stdout.isTTY === true && env["TERM"] !== "dumb";
}

/** Colours for a host, or texts as they are. */
export function coloursOf(host: Said): Colours {
  if (!isColoured(host)) return { good: same, bad: same, dim: same, bold: same };
  const style =
    (format: Parameters<typeof styleText>[0]) =>
    (text: string): string =>
      styleText(format, text, { validateStream: false });
  return { good: style("green"), bad: style("red"), dim: style("dim"), bold: style("bold") };
}

const same = (text: string): string => text;

/** How wide a line may be: of a terminal, or as COLUMNS says. */
export function columnsOf({ env, stdout }: Said): number {
  const said = Number(env["COLUMNS"]);
  return stdout.columns ?? (Number.isInteger(said) && said >= 40 ? said : 140);
}
