import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { heapFlags } from "@millrace/engine";
import { engineCore } from "../machine.ts";
import { endedWithUs, startPinned } from "../pinned-process.ts";
import type { EngineSettings } from "./engine.ts";
import { partitions } from "./inputs/generate.ts";
import type { Contender } from "./measure-run.ts";

/** Where the engines keep state, and how they reach the broker. */
export type Place = { readonly bootstrap: string; readonly folder: string };

/** Ours: exactly-once, there is nothing weaker. Its compiled code is kept between runs, as `millrace run` keeps it. */
export function millrace(job: string, commitMs: number, { bootstrap, folder }: Place): Contender {
  return {
    name: `Millrace, ${commitMs} ms`,
    start: ({ name, topics }) => {
      const settings: EngineSettings = { job, commitMs, bootstrap, name, stateFile: join(folder, `${name}.db`), topics, partitions };
      return { child: startEngine(settings, { NODE_COMPILE_CACHE: join(folder, "code") }), group: `${name}-consumer-group` };
    },
  };
}

/** It works in its main thread, whose heap is settled by then: what `millrace run` sets for its workers comes by the command line. */
export const startEngine = (settings: EngineSettings, env: Readonly<Record<string, string>>): ChildProcess =>
  startPinned("kafka/engine.ts", { core: engineCore, args: [JSON.stringify(settings)], env, flags: heapFlags });

/** Kafka Streams, from the folder of the peers and what its `setup.sh` fetched. Mode: `alo`, `eos100`, `eos1000`. */
export function kafkaStreams(job: string, mode: string, { bootstrap, folder, peers }: Place & { readonly peers: Peers }): Contender {
  const [name = "", variant = ""] = job.split(":");
  return {
    name: `Kafka Streams, ${mode}`,
    start: ({ name: group }) => {
      const state = join(folder, group);
      mkdirSync(state);
      const java = [
        "java",
        "-Xms2g",
        "-Xmx2g",
        "-XX:+UseParallelGC",
        `-Dlog4j2.configurationFile=${peers.logging}`,
        "-cp",
        `${peers.classes}:${peers.jars}/*`,
      ];
      const args = ["-c", engineCore, ...java, "KsBench", name, variant, mode, bootstrap, group, state];
      return { child: endedWithUs(spawn("taskset", args, { stdio: ["ignore", "pipe", "pipe"] })), group };
    },
  };
}

/** The hand-written loop: the limit of one thread. `options` are its own, e.g. `json=scan`. */
export function miniLoop(
  job: string,
  commitMs: number,
  { bootstrap, file, modules, options }: Place & MiniLoop & { readonly options: readonly string[] },
): Contender {
  return {
    name: `mini loop, ${commitMs} ms, ${options.join(" ")}`,
    start: ({ name: group }) => {
      const args = ["-c", engineCore, process.execPath, file, job.split(":")[0]!, bootstrap, group, `commit=${commitMs}`, ...options];
      return {
        child: endedWithUs(spawn("taskset", args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_PATH: modules } })),
        group,
      };
    },
  };
}

export type Peers = { readonly logging: string; readonly classes: string; readonly jars: string; readonly data: string };
export type MiniLoop = { readonly file: string; readonly modules: string };

const work = (): string => process.env["WORK"] ?? join(homedir(), ".cache", "millrace-bench-peers");

/** The peers whose scripts lie in `folder`, once their `setup.sh` was run. @throws {Error} what is to be done first */
export function findPeers(folder: string): Peers {
  const found = {
    logging: resolve(folder, "log4j2.properties"),
    classes: join(work(), "classes"),
    jars: process.env["KAFKA_LIB"] ?? join(work(), "kafka", "lib"),
    data: join(work(), "data"),
  };
  if (!existsSync(found.logging)) throw new Error(`${folder} is not the folder of the peers: it has no log4j2.properties`);
  if (!existsSync(found.jars)) throw new Error(`the peers have no jars yet: run ${join(folder, "setup.sh")}`);
  if (!existsSync(join(found.classes, "KsBench.class"))) {
    const sources = ["Jobs", "KsBench"].map((name) => resolve(folder, "java", `${name}.java`));
    mkdirSync(found.classes, { recursive: true });
    execFileSync("javac", ["-nowarn", "-d", found.classes, "-cp", `${found.jars}/*`, ...sources], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  return found;
}

/** @throws {Error} what is to be done first */
export function findMiniLoop(file: string): MiniLoop {
  const modules = join(work(), "node", "node_modules");
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  if (!existsSync(modules)) throw new Error("the mini loop has no packages yet: run the peers' setup.sh");
  return { file: resolve(file), modules };
}
