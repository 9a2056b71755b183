import type { TopicSpec } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";

/** What is known of one partition without asking the disk. Offsets of this log stay far below 2^53, so they are numbers until they leave it. */
export type Partition = {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly retention: TopicSpec["retention"];
  logStart: number;
  /** Behind the last durable record: what readers see. */
  end: number;
  /** Offset of the next record to be written. */
  written: number;
};

/** Topics and their partitions; the file has the truth, this has a copy of it. */
export class Partitions {
  readonly #database;
  readonly #endOf;
  readonly #specs = new Map<string, TopicSpec>();
  readonly #byTopic = new Map<string, Partition[]>();

  /** `endOf` says where the last stored batch of a partition ends; 0 for none. */
  constructor(database: EmbeddedDatabase, endOf: (partition: Pick<Partition, "id" | "retention">) => number) {
    this.#database = database;
    this.#endOf = endOf;
    database.read(() => this.#load());
  }

  /** In order of topic and number. */
  all(): readonly Partition[] {
    return [...this.#byTopic.values()].flat();
  }

  /** @throws {BrokerError} `BROKER_UNKNOWN_TOPIC` */
  get(topic: string, partition: number): Partition {
    const found = this.#byTopic.get(topic)?.[partition];
    if (found !== undefined) return found;
    const known = this.#byTopic.get(topic);
    const message =
      known === undefined
        ? `there is no topic "${topic}"`
        : `topic "${topic}" has ${known.length} partitions, not one numbered ${partition}`;
    throw new BrokerError("BROKER_UNKNOWN_TOPIC", message, { at: `${topic}[${partition}]` });
  }

  /** Partitions of a topic; 0 when there is no such topic. */
  countOf(topic: string): number {
    return this.#byTopic.get(topic)?.length ?? 0;
  }

  find(topic: string, partition: number): Partition | undefined {
    return this.#byTopic.get(topic)?.[partition];
  }

  /** All of the specs or, when one does not fit, none. @throws {BrokerError} `BROKER_TOPIC_MISMATCH` */
  ensure(specs: readonly TopicSpec[]): void {
    const wanted = new Map<string, TopicSpec>();
    for (const spec of specs) {
      const present = this.#specs.get(spec.name) ?? wanted.get(spec.name);
      if (present === undefined) wanted.set(spec.name, checked(spec));
      else verify(present, spec);
    }
    if (wanted.size === 0) return;
    this.#database.transaction("full", () => {
      const insertTopic = this.#database.connection.prepare("INSERT INTO topics VALUES (?, ?, ?, ?)");
      const insertPartition = this.#database.connection.prepare("INSERT INTO partitions(topic, partition, log_start) VALUES (?, ?, 0)");
      for (const { name, partitions, retention } of wanted.values()) {
        insertTopic.run(name, partitions, retention.kind, retention.kind === "time" ? retention.ms : null);
        for (let partition = 0; partition < partitions; partition++) insertPartition.run(name, partition);
      }
    });
    this.#database.read(() => this.#load());
  }

  /** Adds what is new in the file; partitions that are known already stay the same objects. */
  #load(): void {
    const { connection } = this.#database;
    for (const row of connection.prepare("SELECT name, partitions, retention, retention_ms FROM topics ORDER BY name").all()) {
      const name = String(row["name"]);
      const kind = String(row["retention"]);
      const retention =
        kind === "time"
          ? ({ kind, ms: Number(row["retention_ms"]) } as const)
          : ({ kind: kind === "consumed" ? kind : "forever" } as const);
      this.#specs.set(name, { name, partitions: Number(row["partitions"]), retention });
    }
    const rows = connection.prepare("SELECT id, topic, partition, log_start FROM partitions ORDER BY topic, partition").all();
    for (const row of rows) {
      const topic = String(row["topic"]);
      const partition = Number(row["partition"]);
      const list = this.#byTopic.get(topic) ?? [];
      if (list[partition] !== undefined) continue;
      const id = Number(row["id"]);
      const logStart = Number(row["log_start"]);
      const { retention } = this.#specs.get(topic)!;
      const end = Math.max(logStart, this.#endOf({ id, retention }));
      list[partition] = { id, topic, partition, retention, logStart, end, written: end };
      this.#byTopic.set(topic, list);
    }
  }
}

function checked(spec: TopicSpec): TopicSpec {
  const { name, partitions, retention } = spec;
  if (name === "" || !Number.isSafeInteger(partitions) || partitions < 1)
    throw new RangeError(`topic "${name}" cannot have ${partitions} partitions`);
  if (retention.kind === "time" && !(retention.ms > 0)) throw new RangeError(`topic "${name}" cannot keep records for ${retention.ms} ms`);
  return spec;
}

function verify(present: TopicSpec, wanted: TopicSpec): void {
  const described = ({ partitions, retention }: TopicSpec): string =>
    `${partitions} partitions kept ${retention.kind === "time" ? `for ${retention.ms} ms` : retention.kind === "consumed" ? "until consumed" : "forever"}`;
  if (described(present) === described(wanted)) return;
  throw new BrokerError(
    "BROKER_TOPIC_MISMATCH",
    `topic "${wanted.name}" has ${described(present)}, asked for are ${described(wanted)}: ask for what it has, or give the topic a new name`,
    { at: wanted.name },
  );
}
