import { stripVTControlCharacters } from "node:util";
import { coloursOf } from "../colours.ts";
import type { CommandHost } from "../command.ts";
import type { Outcome } from "./run-again.ts";

/** Where the results of a watched command are shown: a terminal has one at a time, a pipe one behind the other. */
export type Screen = {
  readonly begin: (why: string) => void;
  readonly show: (why: string, outcome: Outcome) => void;
  readonly end: () => void;
};

const clear = "\u001b[2J\u001b[3J\u001b[H";
const defaultRows = 24;
const hint = "watching, Ctrl-C ends";

/** The screen of a host. What has no room on a terminal is counted instead of pushing the beginning out of sight. */
export function screenOf(host: CommandHost): Screen {
  const { stdout } = host;
  const isTerminal = stdout.isTTY === true;
  const colours = coloursOf(host);
  return {
    begin: (why) => {
      if (isTerminal) stdout.write(`${clear}${colours.dim(`${why === "" ? "" : `${why}; `}running …`)}\n`);
    },
    show: (why, { code, text }) => {
      const lines = text.trimEnd().split("\n");
      const room = isTerminal ? Math.max(4, (stdout.rows ?? defaultRows) - 4) : Infinity;
      const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), colours.dim(`… ${lines.length - room + 1} more lines`)];
      const verdict = code === 0 ? colours.good("ok") : colours.bad("not ok");
      const head = `${verdict}${colours.dim(` · ${why === "" ? "" : `${why} · `}${hint}`)}`;
      stdout.write(isTerminal ? `${clear}${head}\n\n${shown.join("\n")}\n` : `${stripVTControlCharacters(head)}\n${shown.join("\n")}\n\n`);
    },
    end: () => {
      if (isTerminal) stdout.write("\n");
    },
  };
}
