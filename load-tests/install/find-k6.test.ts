import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findK6, k6AtHand, pinnedVersion } from "./find-k6.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "millrace-k6-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** An environment whose PATH has these programs, and nothing but a shell's beside them. */
function withPrograms(programs: Readonly<Record<string, string>>): Record<string, string> {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { PATH: `${bin}:/usr/bin:/bin`, MILLRACE_CACHE: join(folder, "cache") };
}
const says = (version: string): string => `echo 'k6 ${version} (go1.26.0, linux/amd64)'`;
const silent = (): void => undefined;
/** Stands for Go: puts a k6 where it is asked to, unless told otherwise. */
const fakeGo = `[ "$1 $2 $3" = "install -v go.k6.io/k6@${pinnedVersion}" ] || exit 9
echo "go: downloading go.k6.io/k6 ${pinnedVersion}" >&2
echo go.k6.io/k6 >&2
cat > "$GOBIN/k6" <<'END'
#!/bin/sh
${says(pinnedVersion)}
END
chmod +x "$GOBIN/k6"`;

test("[LT7] the k6 of the PATH is taken if it runs TypeScript", async () => {
  const env = withPrograms({ k6: says("v0.57.0") });
  expect(await findK6(env, silent)).toEqual({ path: "k6", version: "v0.57.0" });
  expect(await k6AtHand(env)).toEqual({ path: "k6", version: "v0.57.0" });
});

test("[LT7] one that is too old is passed over, and said; Go builds another, once", async () => {
  const env = withPrograms({ k6: says("v0.49.0"), go: fakeGo });
  const lines: string[] = [];
  const found = await findK6(env, (line) => void lines.push(line));
  expect(found).toEqual({ path: join(folder, "cache", `k6-${pinnedVersion}`, "k6"), version: pinnedVersion });
  expect(lines.join("\n")).toMatch(
    /v0\.49\.0 on the PATH is too old[\s\S]*building k6.*\n {2}fetching its modules …\n {2}1 modules fetched; compiling …\nk6 \S+ is built$/,
  );
  rmSync(join(folder, "bin", "go"));
  expect(await findK6(env, silent)).toEqual(found);
  expect(await k6AtHand(env)).toEqual(found);
});

test("[LT7] two who build at once get the same one, and nothing else stays in the cache", async () => {
  const env = withPrograms({ go: fakeGo });
  const found = await Promise.all([findK6(env, silent), findK6(env, silent), findK6(env, silent)]);
  expect(new Set(found.map(({ path }) => path)).size).toBe(1);
  expect(readdirSync(join(folder, "cache"))).toEqual([`k6-${pinnedVersion}`]);
});

test("[LT7] without k6 and without Go it is said what to install; when Go fails its own words are passed on", async () => {
  const env = { ...withPrograms({}), PATH: join(folder, "bin") };
  expect(await k6AtHand(env)).toBeUndefined();
  await expect(findK6(env, silent)).rejects.toMatchObject({
    code: "LOAD_NO_K6",
    message: expect.stringContaining("install Go 1.25") as string,
  });
  const failing = withPrograms({ go: "echo 'go: requires go >= 1.25.0 (running go 1.19)' >&2; exit 1" });
  await expect(findK6(failing, silent)).rejects.toMatchObject({
    code: "LOAD_K6_NOT_BUILT",
    message: expect.stringContaining("requires go >= 1.25.0") as string,
  });
  expect(readdirSync(join(folder, "cache"))).toEqual([]);
});
