import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Cluster, startCluster } from "#infra/kafka/cluster.ts";
import { loadCore } from "../machine.ts";

export type BenchBroker = { readonly bootstrap: string; readonly pid: number; stop(): Promise<void> };

/** A broker of our own on one core, compiled as well as Java can, with its data in `folder`. It ends with this process. */
export async function startBroker(folder: string, say: (line: string) => void): Promise<BenchBroker> {
  const cluster: Cluster = await startCluster({
    nodes: 1,
    dataFolder: join(folder, "kafka"),
    fresh: true,
    jitLimit: false,
    settings: { "log.retention.check.interval.ms": "86400000", "log.segment.bytes": "268435456" },
    say,
  });
  const [node] = await cluster.status();
  const pid = node!.pid!;
  execFileSync("taskset", ["-a", "-p", "-c", loadCore, String(pid)]);
  return { bootstrap: cluster.bootstrap, pid, stop: async () => void (await cluster.stop()) };
}
