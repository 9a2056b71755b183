/** What the server's doors answer, as far as it is shown. */
export type Summary = {
  readonly lines: readonly {
    readonly topic: string;
    readonly node: string;
    readonly reason: string;
    readonly open: number;
    readonly redriven: number;
    readonly dropped: number;
    readonly oldest: string;
    readonly newest: string;
  }[];
  readonly complete: boolean;
};
export type Shown = {
  readonly at: string;
  readonly reason: string;
  readonly node: string;
  readonly place: string;
  readonly detail: string | null;
  readonly timestamp: string | null;
  readonly key: string | null;
  readonly letter: { readonly topic: string; readonly partition: number; readonly offset: string };
  readonly settled: {
    readonly kind: string;
    readonly at: string;
    readonly by: string;
    readonly key: string;
    readonly why: string | null;
  } | null;
};
export type Whole = Shown & {
  readonly name: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly value: { readonly length: number } | null;
  readonly bytes: string | null;
  readonly event: unknown;
  readonly undecodable: { readonly code: string; readonly detail: string } | null;
};
export type Report = {
  readonly until: string;
  readonly settled: number;
  readonly refused: readonly { readonly why: string; readonly count: number; readonly first: string; readonly detail: string }[];
  readonly complete: boolean;
};

const nameOf = ({ letter: { topic, partition, offset } }: Shown): string => `${topic}/${partition}/${offset}`;

/** What comes from events is text of anybody: nothing in it may move a terminal's cursor, or turn what is read around. */
const plain = (text: string): string => text.replace(/[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu, "\ufffd");

export function summaryText({ lines, complete }: Summary): string {
  if (lines.length === 0) return complete ? "There are no such letters.\n" : "None was found before the time for counting was over.\n";
  const head = ["topic", "node", "reason", "open", "redriven", "dropped", "newest"];
  const rows = lines.map(({ topic, node, reason, open, redriven, dropped, newest }) =>
    [topic, node, reason, String(open), String(redriven), String(dropped), newest].map(plain),
  );
  return `${table([head, ...rows])}${complete ? "" : "These are the first that were counted; there are more.\n"}`;
}

export function listText(letters: readonly Shown[], complete: boolean): string {
  if (letters.length === 0) return "";
  const rows = letters.map((one) => [
    nameOf(one),
    one.at,
    one.node,
    one.reason,
    one.key ?? "(no key)",
    one.settled === null ? "" : `${one.settled.kind} ${one.settled.at} by ${one.settled.by}`,
  ]);
  const head = ["letter", "set aside", "node", "reason", "key", ""];
  return `\nThe newest:\n${table([head, ...rows.map((row) => row.map(plain))])}${complete ? "" : "There may be older ones: --limit, --topic, --to.\n"}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}`.trimEnd()).join("\n") + "\n";
}

export function letterText(letter: Whole): string {
  const { name, at, reason, detail, node, place, timestamp, key, headers, value, bytes, event, undecodable, settled } = letter;
  const facts: (readonly [string, string])[] = [
    ["letter", name],
    ["set aside", at],
    ["reason", detail === null ? reason : `${reason}: ${detail}`],
    ["refused by", node],
    ["came from", place],
    ["its time", timestamp ?? "none that can be read"],
    ["key", key ?? "none"],
    [
      "state",
      settled === null
        ? "open"
        : `${settled.kind} ${settled.at} by ${settled.by} (${settled.key})${settled.why === null ? "" : `: ${settled.why}`}`,
    ],
  ];
  const lines = facts.map(([term, text]) => `${`${term}:`.padEnd(12)}${plain(text)}`);
  lines.push("headers:", ...headers.map((header) => `  ${plain(header.name)}: ${plain(header.value)}`));
  if (bytes === null) return `${[...lines, "no value"].join("\n")}\n`;
  const whole = Buffer.from(bytes, "base64");
  const length = value?.length ?? whole.length;
  lines.push(`bytes: ${length}${length > whole.length ? `, of which the first ${whole.length} are here` : ""}`, hexText(whole));
  if (event !== null) lines.push("event:", plain(JSON.stringify(event, null, 2)));
  else if (undecodable !== null) lines.push(`no event that can be decoded: ${undecodable.code} ${plain(undecodable.detail)}`);
  return `${lines.join("\n")}\n`;
}

const hexLines = 256;

/** Sixteen bytes a line: offset, hex, and what of it is ASCII. */
function hexText(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < hexLines; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`  ${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > hexLines * 16) lines.push(`  … ${bytes.length - hexLines * 16} bytes more: --json has them as base64`);
  return lines.join("\n");
}

const word = { redrive: ["redriven", "would be redriven"], drop: ["dropped", "would be dropped"] } as const;

export function reportText({ settled, refused }: Report, { action, dryRun }: { action: "redrive" | "drop"; dryRun: boolean }): string {
  const done = word[action][dryRun ? 1 : 0];
  const lines = [`${settled} ${settled === 1 ? "letter" : "letters"} ${done}`];
  for (const { why, count, first, detail } of refused)
    lines.push(`${count} not ${done}: ${why} (${first}${count > 1 ? ", …" : ""}): ${detail}`);
  return `${lines.join("\n")}\n`;
}
