import type { Address, ClusterSettings } from "../wire/cluster.ts";

/** The brokers that tests may use, from `MILLRACE_KAFKA` (`host:port,host:port`); undefined where there is no Kafka. */
export const bootstrap: readonly Address[] | undefined = process.env["MILLRACE_KAFKA"]?.split(",").map((address) => {
  const [, host, port] = /^(.+):(\d+)$/.exec(address) ?? [];
  if (host === undefined) throw new RangeError(`MILLRACE_KAFKA: ${address} is no host:port`);
  return { host, port: Number(port) };
});

/** How the tests' cluster is reached. @throws {Error} outside of `describeKafka` */
export function clusterOfTests(more: Partial<ClusterSettings> = {}): ClusterSettings {
  if (bootstrap === undefined) throw new Error("MILLRACE_KAFKA is not set: put the test into describeKafka");
  return { bootstrap, clientId: "millrace-test", ...more };
}
