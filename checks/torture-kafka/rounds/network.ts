import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../until.ts";
import { proxiedWorker, type Round } from "./round.ts";

const longestCutMs = 12_000;
const lossMs = 30_000;

/** No way from a worker to one broker or to all of them: connections are reset, or nothing passes and nobody is told; often past its session. */
export const cutWorker: Round = async (stage) => {
  const { cluster, random } = stage;
  const { member, proxy } = proxiedWorker(stage);
  const all = cluster.nodes.length === 1 || random.chance(0.4);
  const broker = all ? undefined : { host: "127.0.0.1", port: random.pick(cluster.nodes).port };
  const silent = random.chance(0.5);
  if (silent) proxy.stall(broker);
  else proxy.cut(broker);
  const lasted = 500 + random.next() * longestCutMs;
  await sleep(lasted);
  proxy.heal();
  return `${member} was ${silent ? "silently " : ""}cut from ${broker === undefined ? "all brokers" : `the broker at ${broker.port}`} for ${(lasted / 1000).toFixed(1)} s`;
};

/** The answer to a commit is lost, done and undone. */
export const loseEndOfTransaction: Round = async (stage) => {
  const lost: string[] = [];
  for (const outcome of ["done", "undone"] as const) {
    const { member, proxy } = proxiedWorker(stage);
    const order = proxy.loseAnswer({ api: "EndTxn", outcome });
    await until(`an EndTxn of ${member} is lost`, { deadlineMs: lossMs }, () => order.left === 0);
    lost.push(`${outcome} of ${member}`);
  }
  return `lost the answers to EndTxn: ${lost.join(", ")}`;
};

/** Answers to other steps of a commit and of the group are lost, several at once. */
export const loseAnswers: Round = async (stage) => {
  const { random } = stage;
  const { member, proxy } = proxiedWorker(stage);
  const lost = ["Produce", "TxnOffsetCommit", "Fetch", "Heartbeat"].map((api) => {
    const outcome = random.pick(["done", "undone"] as const);
    return { name: `${api} ${outcome}`, order: proxy.loseAnswer({ api, outcome }) };
  });
  await until(`answers to ${member} are lost`, { deadlineMs: lossMs }, () => lost.every(({ order }) => order.left === 0));
  return `${member} lost answers: ${lost.map(({ name }) => name).join(", ")}`;
};
