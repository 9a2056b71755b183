/** One text for Prometheus of several that share names but no series: each name's help and type stand once, before all of its samples. */
export function mergeScrapes(texts: readonly string[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let family: { readonly head: string[]; readonly samples: string[] } | undefined;
    let first = true;
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const name = /^# HELP (\S+)/.exec(line)?.[1];
      if (name !== undefined) {
        first = !families.has(name);
        if (first) families.set(name, { head: [], samples: [] });
        family = families.get(name)!;
      }
      if (family === undefined) continue;
      if (!line.startsWith("#")) family.samples.push(line);
      else if (first) family.head.push(line);
    }
  }
  return [...families.values()].map(({ head, samples }) => [...head, ...samples, ""].join("\n")).join("\n");
}
