import { once } from "node:events";
import { join } from "node:path";
import { committedOffsets } from "../../engine/broker/kafka/admin/committed-offsets.ts";
import { type ApiCount, startFaultProxy } from "../../engine/broker/kafka/proving/fault-proxy.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { type Figure, millis, quantile } from "../figures.ts";
import { loadCore } from "../machine.ts";
import { startPinned } from "../pinned-process.ts";
import { clusterAt, withClient } from "./clients.ts";
import { startEngine } from "./contenders.ts";
import type { EngineReport, EngineSettings } from "./engine.ts";
import type { KafkaBench, KafkaBenchOptions } from "./kafka-bench.ts";
import { createTopics, deleteTopics, untilTrue } from "./topics.ts";

const counts = [1, 12, 120];
const topics = { input: "commit-in", output: "commit-out" } as const;
/** Every task has something in every commit of 100 ms. */
const perSecond = 4000;

type Cost = { readonly p50: number; readonly p95: number; readonly commits: number; readonly requests: number; readonly byApi: string };

/** What a commit takes with state and outputs in each of 1, 12 and 120 tasks of one worker: time, and requests counted by a proxy, in runs of their own. */
export const benchCommitCost: KafkaBench = async (options) =>
  withClient(options.broker.bootstrap, "bench", async (client) => {
    const figures: Figure[] = [];
    for (const partitions of counts) {
      const direct = await measure(client, partitions, { options, counted: false });
      const counted = await measure(client, partitions, { options, counted: true });
      options.say(`commit ${partitions}: ${JSON.stringify(direct)} counted ${JSON.stringify(counted)}`);
      figures.push({
        job: `commit, ${partitions} partition${partitions > 1 ? "s" : ""}`,
        figure: `${millis(direct.p50)}/${millis(direct.p95)} (p50/p95), ${counted.requests.toFixed(1)} requests (${counted.byApi})`,
      });
    }
    return figures;
  });

async function measure(
  client: KafkaClient,
  partitions: number,
  { options, counted }: { readonly options: KafkaBenchOptions; readonly counted: boolean },
): Promise<Cost> {
  const { broker, folder, quick } = options;
  const name = `bench-run-commit-${partitions}-${Date.now().toString(36)}`;
  await deleteTopics(client, (topic) => Object.values(topics).some((own) => topic.startsWith(own)) || topic.startsWith("bench-run-"));
  await createTopics(client, Object.values(topics), { partitions });
  const proxy = counted ? await startFaultProxy() : undefined;
  const via = proxy === undefined ? {} : { MILLRACE_KAFKA_VIA: proxy.variable(clusterAt(broker.bootstrap).bootstrap) };
  const settings: EngineSettings = {
    job: "count:U",
    commitMs: 100,
    bootstrap: broker.bootstrap,
    name,
    stateFile: join(folder, `${name}.db`),
    topics,
    partitions,
  };
  const engine = startEngine(settings, via);
  const steady = startPinned("kafka/steady.ts", {
    core: loadCore,
    args: [broker.bootstrap, topics.input, String(partitions), String(perSecond)],
  });
  try {
    let text = "";
    engine.stdout!.on("data", (data) => (text += String(data)));
    const warm = perSecond * (quick ? 1 : 6);
    await untilTrue(async () => (await committedOf(client, name, partitions)) >= warm, `${name} commits`, 120_000);
    proxy?.resetCounts();
    await untilTrue(async () => (await committedOf(client, name, partitions)) >= 2 * warm, `${name} goes on`, 120_000);
    const { EndTxn, ...rest } = requestsOf(proxy?.counts() ?? {});
    const commits = EndTxn?.requests ?? 1;
    engine.kill("SIGTERM");
    await once(engine, "exit");
    const { commitMs } = JSON.parse(text.trim().split("\n").at(-1)!) as EngineReport;
    // The first half is warming up.
    const times = commitMs.slice(commitMs.length >> 1).sort((a, b) => a - b);
    const writing = ["Produce", "TxnOffsetCommit", "AddPartitionsToTxn", "AddOffsetsToTxn"].map((api) => ({
      api,
      each: (rest[api]?.requests ?? 0) / commits,
    }));
    const byApi = [...writing.filter(({ each }) => each > 0), { api: "EndTxn", each: 1 }];
    return {
      p50: quantile(times, 0.5),
      p95: quantile(times, 0.95),
      commits: commitMs.length,
      requests: byApi.reduce((sum, { each }) => sum + each, 0),
      byApi: byApi.map(({ api, each }) => `${each.toFixed(1)} ${api}`).join(", "),
    };
  } finally {
    engine.kill("SIGKILL");
    steady.kill("SIGKILL");
    await proxy?.close().catch(() => undefined);
  }
}

async function committedOf(client: KafkaClient, name: string, count: number): Promise<number> {
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic: topics.input, partition }));
  const committed = await committedOffsets(client, `${name}-consumer-group`, { partitions, forMs: 5000 }).catch(() => []);
  return committed.reduce((sum, { offset = 0n }) => sum + Number(offset), 0);
}

const requestsOf = (counts: Readonly<Record<string, ApiCount>>): Readonly<Record<string, { readonly requests: number } | undefined>> =>
  counts;
