import { runDlqCommand } from "../command.ts";

export type DlqOutcome = { readonly code: number; readonly out: string; readonly err: string };
export type LetterCounts = { readonly open: number; readonly redriven: number; readonly dropped: number };

/** `millrace dlq` as ann, at a server. */
export async function askDlq(url: string, ...args: readonly string[]): Promise<DlqOutcome> {
  let [out, err] = ["", ""];
  const host = {
    env: { MILLRACE_URL: url, USER: "ann" },
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
    signal: new AbortController().signal,
  };
  return { code: await runDlqCommand(args, host), out, err };
}

/** Counts of the letters that `millrace dlq list` finds. */
export async function countLetters(url: string, ...filter: readonly string[]): Promise<LetterCounts> {
  const { code, out, err } = await askDlq(url, "list", "--json", ...filter);
  if (code !== 0) throw new Error(`dlq list: ${err}`);
  const { lines } = JSON.parse(out) as { lines: readonly LetterCounts[] };
  return lines.reduce(
    (sum, one) => ({ open: sum.open + one.open, redriven: sum.redriven + one.redriven, dropped: sum.dropped + one.dropped }),
    { open: 0, redriven: 0, dropped: 0 },
  );
}
