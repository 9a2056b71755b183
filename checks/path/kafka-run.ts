import type { Cluster } from "#infra/kafka/cluster.ts";
import { type QueryName, queryNames } from "../judge/answers.ts";
import { type Child, startMillrace } from "../torture/child.ts";
import { until } from "../torture/until.ts";

export type KafkaRunOptions = {
  readonly cluster: Pick<Cluster, "bootstrap">;
  readonly topology: string;
  readonly state: string;
  readonly workers: number;
  readonly more?: readonly string[];
};

const readyMs = 120_000;
const shownMs = 1_800_000;
/** The gateway takes 8 KiB of query. */
const maxTokensLength = 4000;

/** `millrace run` as a user starts it, on a cluster of the check's own. */
export class KafkaRun {
  readonly url: string;
  readonly #child: Child;

  constructor(child: Child, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Settles when it is ready: state brought back, tasks running. */
  static async start({ cluster, topology, state, workers, more = [] }: KafkaRunOptions): Promise<KafkaRun> {
    const options = {
      broker: `kafka://${cluster.bootstrap}`,
      workers: String(workers),
      state,
      port: "0",
      retention: "forever",
      idle: "24h",
      "task-idle": "5s",
      log: "warn",
    };
    const child = startMillrace(["run", topology, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]), ...more]);
    const run = await until(
      async () => {
        if (!child.running()) throw new Error(`millrace run ended by itself:\n${child.said()}`);
        const url = /queries\s+(http:\/\/\S+?)\/v1\/queries/.exec(child.stdout())?.[1];
        if (url === undefined) return undefined;
        const response = await fetch(`${url}/readyz`).catch(() => undefined);
        return response?.status === 200 ? new KafkaRun(child, url) : undefined;
      },
      readyMs,
      () => `millrace run was not ready in time:\n${child.said()}`,
    );
    return run;
  }

  get said(): string {
    return this.#child.said();
  }

  /** Every query of replay.md §3, once it shows what lies at the tokens. */
  async answers(tokens: readonly string[]): Promise<Record<QueryName, string>> {
    const answers: Partial<Record<QueryName, string>> = {};
    const parts = inParts(tokens);
    for (const name of queryNames) {
      for (const part of parts) await this.#shown(name, part);
      const response = await fetch(`${this.url}/v1/queries/${name}?format=ndjson`);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${name} answers ${response.status}: ${text}`);
      answers[name] = text;
    }
    return answers as Record<QueryName, string>;
  }

  /** Records that came too late for a window or a dedupe, by node. */
  async late(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const late = new Map<string, number>();
    for (const [, labels, value] of text.matchAll(
      /^millrace_node_(?:missed_windows|records)_total\{([^}]*reason="late"[^}]*)\} (\S+)$/gm,
    )) {
      const node = /node="([^"]*)"/.exec(labels!)?.[1] ?? "?";
      if (Number(value) > 0) late.set(node, (late.get(node) ?? 0) + Number(value));
    }
    return late;
  }

  async stop(): Promise<void> {
    await this.#child.kill("SIGINT");
  }

  async #shown(name: string, after: string): Promise<void> {
    await until(
      async () => {
        if (!this.#child.running()) throw new Error(`millrace run ended by itself:\n${this.said}`);
        const response = await fetch(`${this.url}/v1/queries/${name}?after=${after}&limit=1`, { headers: { Prefer: "wait=10" } });
        await response.text();
        return response.status === 200 ? true : undefined;
      },
      shownMs,
      () => `${name} does not show everything:\n${this.said}`,
    );
  }
}

function inParts(tokens: readonly string[]): readonly string[] {
  const parts: string[] = [];
  for (const token of tokens.map(encodeURIComponent)) {
    const last = parts.at(-1);
    if (last === undefined || last.length + token.length >= maxTokensLength) parts.push(token);
    else parts[parts.length - 1] = `${last},${token}`;
  }
  return parts;
}
