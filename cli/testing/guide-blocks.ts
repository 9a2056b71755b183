/** A chapter of a guide, from its heading to the next. */
export type Chapter = { readonly title: string; readonly text: string };

/** What stands between fences: a diff of the file that the fence names, or a console with what was typed there. */
export type Block =
  | { readonly kind: "diff"; readonly file: string; readonly lines: readonly string[] }
  | { readonly kind: "console"; readonly commands: readonly string[]; readonly text: string };

/** The numbered chapters. */
export function chaptersOf(guide: string): readonly Chapter[] {
  return guide
    .split(/^(?=## )/m)
    .filter((text) => /^## \d+\./.test(text))
    .map((text) => ({ title: text.slice(3, text.indexOf("\n")), text }));
}

/** Diffs and consoles in their order. */
export function blocksOf(chapter: string): readonly Block[] {
  return [...chapter.matchAll(/^```(diff|console)(?: (\S+))?\n([\s\S]*?)\n```$/gm)].map(([, kind, file, text]): Block => {
    if (kind === "diff") return { kind, file: file!, lines: text!.split("\n") };
    const commands = text!.split("\n").flatMap((line) => (line.startsWith("$ ") ? [line.slice(2)] : []));
    return { kind: "console", commands, text: text! };
  });
}

/** The text with one hunk applied, whose lines must stand in it exactly once. @throws {Error} where they do not */
export function applyDiff(text: string, hunk: readonly string[]): string {
  const side = (sign: "-" | "+"): string =>
    hunk.flatMap((line) => (line.startsWith(" ") || line.startsWith(sign) || line === "" ? [line.slice(1)] : [])).join("\n");
  const [before, after] = [side("-"), side("+")];
  const found = `\n${text}`.split(`\n${before}\n`);
  if (found.length !== 2) throw new Error(`stands there ${found.length - 1} times, not once:\n${before}`);
  return found.join(`\n${after}\n`).slice(1);
}
