import { archiveClasses } from "./archive-classes.ts";
import { type Cluster, type NodeStatus, openCluster, startCluster } from "./cluster.ts";
import { ClusterError } from "./cluster-error.ts";
import type { Environment } from "./install/cache-folder.ts";
import { findJars } from "./install/jars.ts";
import { findJava } from "./install/java.ts";
import { readClusterFile } from "./node/cluster-file.ts";
import { defaultPort, help, parseCommand, type StartCommand } from "./options.ts";

/** Where a command is run. */
export type Surroundings = {
  readonly env: Environment;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
};

/** Does what the arguments ask for. Answers the exit code: 0 done, 1 not, 2 not understood. */
export async function runCommand(args: readonly string[], around: Surroundings): Promise<number> {
  try {
    return await run(args, around);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    around.complain(`${error.code} ${error.message}`);
    return error.code === "KAFKA_USAGE" ? 2 : 1;
  }
}

async function run(args: readonly string[], around: Surroundings): Promise<number> {
  const { env, say } = around;
  const command = parseCommand(args, env);
  switch (command.kind) {
    case "help":
      say(help.trimEnd());
      return 0;
    case "fetch":
      await findJava(env);
      say(`Kafka's jars are in ${await findJars(env, say)}`);
      say(`Its classes as Java starts with them are in ${await archiveClasses(env, say)}`);
      return 0;
    case "start":
      return start(command, around);
    case "stop":
      return stop(openCluster(command.data, around), say);
    case "status":
      return status(openCluster(command.data, around), say);
    case "kill":
      await openCluster(command.data, around).kill(command.node);
      say(`node ${command.node} is killed`);
      return 0;
    case "restart":
      await openCluster(command.data, around).restart(command.node);
      say(`node ${command.node} is ready`);
      return 0;
  }
}

async function start(command: StartCommand, { env, say }: Surroundings): Promise<number> {
  const { data, nodes, fresh, jitLimit } = command;
  const keeps = !fresh && readClusterFile(data) !== undefined;
  const port = command.port ?? (keeps ? undefined : defaultPort);
  const began = performance.now();
  const cluster = await startCluster({ dataFolder: data, nodes, port, fresh, jitLimit, lifetime: "detached", env, say });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(
    `Kafka is ready at ${cluster.bootstrap} after ${seconds} s${keeps ? ", on the data of before" : ""}; data and logs: ${cluster.dataFolder}`,
  );
  return 0;
}

async function stop(cluster: Cluster, say: Surroundings["say"]): Promise<number> {
  for (const { id, end } of await cluster.stop()) say(`node ${id}: ${said[end]}`);
  return 0;
}

const said = { controlled: "stopped", killed: "did not stop in time, killed", "was not running": "was not running" } as const;

async function status(cluster: Cluster, say: Surroundings["say"]): Promise<number> {
  const nodes = await cluster.status();
  const { clusterId, dataFolder, startedAt, kafkaVersion } = cluster;
  say(`Kafka ${kafkaVersion}, cluster ${clusterId}, started ${startedAt}, in ${dataFolder}`);
  for (const node of nodes) say(`node ${node.id}  127.0.0.1:${node.port}  controller 127.0.0.1:${node.controllerPort}  ${stateOf(node)}`);
  const seen = nodes.find(({ ready }) => ready)?.answer?.partitions;
  if (seen !== undefined) say(`partitions: ${seen.all}, ${seen.withLeader} with a leader, ${seen.inSync} with all replicas in sync`);
  return nodes.every(({ ready }) => ready) ? 0 : 1;
}

function stateOf({ id, pid, ready, answer }: NodeStatus): string {
  if (pid === null) return "does not run";
  const leads = answer?.controller === id ? ", leads the quorum" : "";
  return `pid ${pid}  ${ready ? "ready" : answer === undefined ? "no answer" : "not ready"}${leads}`;
}
