import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheFolder } from "./cache-folder.ts";
import { findJars } from "./jars.ts";
import { findJava, majorVersion } from "./java.ts";
import { pinnedJars } from "./pinned-jars.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "millrace-install-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A program of this name at the head of a PATH of its own, beside the system's. */
function program(name: string, script: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return `${bin}:/usr/bin:/bin`;
}
const silent = (): void => undefined;

test("the cache is MILLRACE_CACHE, else XDG's, else the home's", () => {
  expect(cacheFolder({ MILLRACE_CACHE: "/m", XDG_CACHE_HOME: "/x" })).toBe("/m");
  expect(cacheFolder({ XDG_CACHE_HOME: "/x" })).toBe("/x/millrace");
  expect(cacheFolder({})).toMatch(/\.cache[\\/]millrace$/);
});

test("the POM pins the broker, its programs and what writes their logs", () => {
  const { kafkaVersion, files } = pinnedJars();
  expect(kafkaVersion).toMatch(/^4\.\d+\.\d+$/);
  expect(files).toHaveLength(6);
  expect(files).toContain(`kafka_2.13-${kafkaVersion}.jar`);
  expect(files).toContain(`kafka-tools-${kafkaVersion}.jar`);
  expect(files.filter((file) => file.includes("undefined"))).toEqual([]);
});

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['openjdk version "21" 2023-09-19', 21],
  ['java version "1.8.0_202"', 8],
  ["zsh: command not found", undefined],
])("%s is major version %s", (text, version) => expect(majorVersion(text)).toBe(version));

test("a Java that is too old is passed over, and said", async () => {
  const PATH = program("java", `echo 'openjdk version "11.0.2"' >&2`);
  const expected = { code: "KAFKA_NO_JAVA", message: expect.stringMatching(/java: Java 11.*openjdk-17/) as string };
  await expect(findJava({ PATH })).rejects.toMatchObject(expected);
  await expect(findJava({ PATH: folder, JAVA_HOME: folder })).rejects.toMatchObject({ code: "KAFKA_NO_JAVA" });
});

test("KAFKA_HOME is taken as it is, if it is a Kafka", async () => {
  await expect(findJars({ KAFKA_HOME: folder }, silent)).rejects.toMatchObject({ code: "KAFKA_NO_JARS" });
  mkdirSync(join(folder, "libs"));
  expect(await findJars({ KAFKA_HOME: folder }, silent)).toBe(join(folder, "libs"));
});

test("without Maven and without jars it is said what to install, and nothing is left in the cache", async () => {
  const cache = join(folder, "cache");
  const expected = { code: "KAFKA_NO_JARS", message: expect.stringContaining("maven") as string };
  await expect(findJars({ MILLRACE_CACHE: cache, PATH: folder }, silent)).rejects.toMatchObject(expected);
  expect(readdirSync(cache)).toEqual([]);
});

test("when Maven fails its own words are passed on, and nothing is left in the cache", async () => {
  const cache = join(folder, "cache");
  const env = { MILLRACE_CACHE: cache, PATH: program("mvn", `echo "[ERROR] no such artifact"; exit 1`) };
  const expected = { code: "KAFKA_FETCH_FAILED", message: expect.stringContaining("no such artifact") as string };
  await expect(findJars(env, silent)).rejects.toMatchObject(expected);
  expect(readdirSync(cache)).toEqual([]);
});

// Stands for Maven: the jars of the POM, empty, and one that says who fetched them.
const fakeMaven = `
for argument; do case $argument in -DoutputDirectory=*) out=\${argument#*=};; esac; done
for file in ${pinnedJars().files.join(" ")}; do : > "$out/$file"; done`;

test("two processes fetch at once: both get all jars, and nothing else stays", async () => {
  const env = { MILLRACE_CACHE: join(folder, "cache"), PATH: program("mvn", fakeMaven) };
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const found = await Promise.all([findJars(env, say), findJars(env, say), findJars(env, say)]);
  expect(new Set(found).size).toBe(1);
  expect(readdirSync(join(folder, "cache"))).toEqual([`kafka-${pinnedJars().kafkaVersion}`]);
  expect(readdirSync(found[0]!).toSorted()).toEqual(pinnedJars().files.toSorted());
  expect(lines[0]).toContain("fetching Kafka");
  const again: string[] = [];
  await findJars(env, (line) => void again.push(line));
  expect(again).toEqual([]);
});

test("jars of before the POM was changed make room for those of now", async () => {
  const env = { MILLRACE_CACHE: join(folder, "cache"), PATH: program("mvn", fakeMaven) };
  const jars = join(folder, "cache", `kafka-${pinnedJars().kafkaVersion}`);
  mkdirSync(jars, { recursive: true });
  writeFileSync(join(jars, "log4j-api-2.0.0.jar"), "");
  expect(await findJars(env, silent)).toBe(jars);
  expect(readdirSync(jars).toSorted()).toEqual(pinnedJars().files.toSorted());
  expect(existsSync(join(jars, "log4j-api-2.0.0.jar"))).toBe(false);
});
