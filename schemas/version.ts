/** A semantic version without pre-release and build parts. */
export type Version = readonly [major: number, minor: number, patch: number];

/** Reads `1.2.3`; nothing if it is anything else. */
export function parseVersion(text: unknown): Version | undefined {
  const parts = typeof text === "string" ? /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/.exec(text) : null;
  return parts === null ? undefined : [Number(parts[1]), Number(parts[2]), Number(parts[3])];
}

export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
