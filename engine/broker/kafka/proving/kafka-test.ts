import { setTimeout as sleep } from "node:timers/promises";
import { createTopicsV7 } from "@platformatic/kafka";
import { afterAll, describe } from "vitest";
import type { ClusterSettings } from "../wire/cluster.ts";
import { KafkaClient } from "../wire/kafka-client.ts";
import { bootstrap, clusterOfTests } from "./cluster-of-tests.ts";
import { persist } from "../wire/persist.ts";

/** `describe` for what needs a Kafka: counts as skipped where there is none. */
export const describeKafka: ReturnType<typeof describe.skipIf> = describe.skipIf(bootstrap === undefined);

export const clusterSettings: (more?: Partial<ClusterSettings>) => ClusterSettings = clusterOfTests;

/** The brokers as programs take them: `host:port,host:port`. */
export function bootstrapText(): string {
  const { bootstrap: brokers } = clusterSettings();
  return brokers.map(({ host, port }) => `${host}:${port}`).join(",");
}

const opened: KafkaClient[] = [];
afterAll(() => Promise.all(opened.map((client) => client.close())));

/** A client that is closed when the file's tests are done, if not before. */
export function openClient(role: string, more: Partial<ClusterSettings> & { readonly requestTimeoutMs?: number } = {}): KafkaClient {
  const { requestTimeoutMs = 30_000, ...settings } = more;
  const client = new KafkaClient(clusterSettings(settings), role, { requestTimeoutMs });
  opened.push(client);
  return client;
}

/** Repeats what is random in a test; printed with each file that uses it, and taken from the environment. */
export const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const run = `${seed.toString(36)}-${Date.now().toString(36)}-${process.pid.toString(36)}`;
let names = 0;

/** For topics, groups and transactional ids: nobody used it before on this cluster. */
export function uniqueName(what: string): string {
  if (names === 0) process.stdout.write(`SEED=${seed} (names end in ${run})\n`);
  return `${what}-${++names}-${run}`;
}

/** Asks until the answer is neither undefined nor false. @throws {Error} `what` was not so by the deadline, with the last error if asking failed */
export async function until<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs: number,
  what: string,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
    await sleep(20);
  }
}

/** A new topic of the tests' cluster, which all of its nodes know. */
export async function createTopic(what: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = uniqueName(what);
  const client = new KafkaClient(clusterSettings(), "topics");
  const topic = {
    name,
    numPartitions: partitions,
    replicationFactor: -1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  };
  try {
    await persist(`creating ${name}`, { forMs: 20_000 }, async (refresh) => {
      await client.ask(await client.controller(refresh), createTopicsV7.api, [[topic], 10_000, false], `creating ${name}`);
    });
    await until(async () => (await client.topic(name, true))?.partitions.every(({ leader }) => leader >= 0), 20_000, `${name} has leaders`);
  } finally {
    await client.close();
  }
  return name;
}
export { bootstrap };
