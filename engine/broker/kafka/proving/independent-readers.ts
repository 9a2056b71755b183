import { randomUUID } from "node:crypto";
import { findJars } from "../../../../infra/kafka/install/jars.ts";
import { findJava } from "../../../../infra/kafka/install/java.ts";
import { outputOf } from "./run-program.ts";

export type ReadRecord = {
  readonly partition: number;
  readonly offset: bigint;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
};

/** Who reads: `kcat` on librdkafka (C), and Kafka's own console consumer (Java). */
export type Reader = "kcat" | "console";

/**
 * What a consumer that is none of ours reads in a topic with `isolation.level=read_committed`, from the beginning to the last stable offset,
 * ordered by partition and offset. `bootstrap` is `host:port,host:port`. `kcat` takes some 100 ms, the console consumer 10 s.
 * @throws {Error} it is not installed, or it failed
 */
export async function readCommitted(bootstrap: string, topic: string, reader?: Reader): Promise<ReadRecord[]> {
  const chosen = reader ?? ((await hasKcat()) ? "kcat" : "console");
  const found = await (chosen === "kcat" ? readWithKcat(bootstrap, topic) : readWithConsole(bootstrap, topic));
  return found.toSorted((a, b) => a.partition - b.partition || (a.offset < b.offset ? -1 : 1));
}

let kcat: Promise<boolean> | undefined;
/** Whether `kcat` can be run; without it tests read with Java. */
export function hasKcat(): Promise<boolean> {
  kcat ??= outputOf("kcat", ["-V"]).then(
    () => true,
    () => false,
  );
  return kcat;
}

async function readWithKcat(bootstrap: string, topic: string): Promise<ReadRecord[]> {
  const args = ["-C", "-m", "60", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed"];
  const bytes = await outputOf("kcat", [...args, "-f", String.raw`%p %o %T %K %S\n%k%s\n`]);
  const found: ReadRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const headEnd = bytes.indexOf(10, at);
    const [partition, offset, timestamp, keyBytes, valueBytes] = bytes.toString("latin1", at, headEnd).split(" ") as [string, ...string[]];
    at = headEnd + 1;
    const take = (length: number): Buffer | null => (length < 0 ? null : bytes.subarray(at, (at += length)));
    const key = take(Number(keyBytes));
    const value = take(Number(valueBytes));
    found.push({ partition: Number(partition), offset: BigInt(offset!), timestamp: Number(timestamp), key, value });
    at++;
  }
  return found;
}

async function readWithConsole(bootstrap: string, topic: string): Promise<ReadRecord[]> {
  const bytesOf = "org.apache.kafka.common.serialization.BytesDeserializer";
  const printed = ["partition", "offset", "timestamp", "key"].map((name) => `print.${name}=true`);
  // Kafka's `Bytes` prints all but plain ASCII as \xFF, the backslash as well: no tab and no line's end. Null it prints as some bytes, so these.
  const nothing = randomUUID();
  const formats = [...printed, `key.deserializer=${bytesOf}`, `value.deserializer=${bytesOf}`, `null.literal=${nothing}`];
  const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning", "--isolation-level", "read_committed"];
  const ending = ["--timeout-ms", "8000", ...formats.flatMap((format) => ["--formatter-property", format])];
  const { java, classPath } = await javaWithKafka();
  const bytes = await outputOf(java, ["-cp", classPath, "org.apache.kafka.tools.consumer.ConsoleConsumer", ...args, ...ending]);
  const lines = bytes.toString("latin1").split("\n");
  return lines
    .filter((line) => line.startsWith("CreateTime:") || line.startsWith("LogAppendTime:"))
    .map((line) => {
      const [timestamp, partition, offset, key, value] = line.split("\t");
      const number = (text: string | undefined): string => text!.slice(text!.indexOf(":") + 1);
      return {
        partition: Number(number(partition)),
        offset: BigInt(number(offset)),
        timestamp: Number(number(timestamp)),
        key: key === nothing ? null : unescaped(key!),
        value: value === nothing ? null : unescaped(value!),
      };
    });
}

function unescaped(text: string): Buffer {
  return Buffer.from(
    text.replaceAll(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

/** Java and the class path of Kafka's own jars, of the version that the tests run. @throws {ClusterError} `KAFKA_NO_JAVA`, `KAFKA_NO_JARS` */
export async function javaWithKafka(): Promise<{ readonly java: string; readonly classPath: string }> {
  const [java, jars] = await Promise.all([findJava(process.env), findJars(process.env, () => undefined)]);
  return { java, classPath: `${jars}/*` };
}
