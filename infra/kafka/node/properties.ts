import type { NodePorts } from "./ports.ts";

/** What all nodes of a cluster have in common. */
export type ClusterSettings = {
  readonly nodes: readonly NodePorts[];
  /** Kafka settings beside and instead of ours, by their names. */
  readonly more: Readonly<Record<string, string>>;
};

/** The settings of node `id` (1, 2, …), by Kafka's names. */
export function nodeSettings(cluster: ClusterSettings, id: number, dataFolder: string): Readonly<Record<string, string>> {
  const { port, controllerPort } = cluster.nodes[id - 1]!;
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`;
  return {
    "process.roles": "broker,controller",
    "node.id": String(id),
    listeners,
    "advertised.listeners": listeners,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "controller.quorum.bootstrap.servers": cluster.nodes.map((node) => `127.0.0.1:${node.controllerPort}`).join(","),
    "log.dirs": dataFolder,
    ...sharedSettings(cluster.nodes.length),
    ...cluster.more,
  };
}

/** Those that say nothing of a place; the compose file has the same. */
export function sharedSettings(nodes: number): Readonly<Record<string, string>> {
  const replicas = String(Math.min(nodes, 3));
  const inSync = nodes < 3 ? "1" : "2";
  return {
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.num.partitions": "5",
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.num.partitions": "5",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
    "auto.create.topics.enable": "false",
    // Two cores for everybody.
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.backoff.ms": "500",
    // Tests wait for what a cluster does at its leisure: a dead broker's partitions move in 8 s instead of 11 …
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // … a group's first member need not wait for others, and sessions may be as short as a test or as long as a debugger …
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.max.session.timeout.ms": "1800000",
    // … a dead worker's transaction is aborted within 1 s of its timeout instead of 10 s: that bounds every take-over …
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    // … and retention drops within seconds what it may drop.
    "log.retention.check.interval.ms": "5000",
    "log.segment.delete.delay.ms": "1000",
  };
}

/** What log4j is told: one file of warnings, twice 10 MB at most. */
export function loggingSettings(logFile: string): Readonly<Record<string, string>> {
  return {
    status: "error",
    "appender.file.type": "RollingFile",
    "appender.file.name": "file",
    "appender.file.fileName": logFile,
    "appender.file.filePattern": `${logFile}.%i`,
    "appender.file.layout.type": "PatternLayout",
    "appender.file.layout.pattern": "%d{ISO8601} %p %c{1}: %m%n%ex",
    "appender.file.policies.type": "SizeBasedTriggeringPolicy",
    "appender.file.policies.size": "10MB",
    "appender.file.strategy.type": "DefaultRolloverStrategy",
    "appender.file.strategy.max": "1",
    "rootLogger.level": "warn",
    "rootLogger.appenderRef.file.ref": "file",
  };
}

/** Java's properties format, which is Latin-1: backslashes and what lies outside of ASCII are escaped. */
export function propertiesText(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${escaped(value)}\n`);
  return lines.join("");
}

function escaped(value: string): string {
  const unit = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return value
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll(/[^\x20-\x7e]/g, unit)
    .replace(/^ /, "\\ ");
}
