import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const pomFile: string = fileURLToPath(new URL("./pom.xml", import.meta.url));

/** What the POM pins: Kafka's version, and the files that Maven makes of its dependencies themselves. */
export function pinnedJars(pom: string = readFileSync(pomFile, "utf8")): {
  readonly kafkaVersion: string;
  readonly files: readonly string[];
} {
  const properties = new Map([...pom.matchAll(/<([\w.]+\.version)>([^<]+)</g)].map(([, name, value]) => [name!, value!]));
  const dependencies = pom.matchAll(/<artifactId>([^<]+)<\/artifactId>\s*<version>\$\{([\w.]+)\}</g);
  const files = [...dependencies].map(([, artifact, property]) => `${artifact}-${properties.get(property!)}.jar`);
  return { kafkaVersion: properties.get("kafka.version")!, files };
}
