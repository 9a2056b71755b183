import type { TopicSpec } from "#broker/broker.ts";

/** What a cluster's topics get beyond what their specs say. `replication` −1: as the cluster's default. */
export type TopicDefaults = { readonly replication: number; readonly minIsr?: number; readonly changelog?: CompactionSettings };

export type CompactionSettings = {
  /** Share of a log that is not compacted yet from which on it is. */
  readonly dirtyRatio: number;
  /** Age at which a segment is closed, so that it can be compacted. */
  readonly segmentMs: number;
  /** How long a delete stays readable; a local copy that was not brought up to date for longer is thrown away. */
  readonly deleteRetentionMs: number;
};

export const defaultCompaction: CompactionSettings = { dirtyRatio: 0.1, segmentMs: 3_600_000, deleteRetentionMs: 86_400_000 };

/** What is to be done where a topic has other partitions than a topology asks for. */
export const neverRepartitioned =
  "The number of partitions decides which task keeps which key, so it is never changed under a topology: " +
  "ask for what is there, or make a topic of another name and replay into it";

/** A topic as Kafka's own settings make it: `required` ones are verified where the topic exists, `initial` ones are given to a new one only. */
export type WantedTopic = {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly required: ReadonlyMap<string, Requirement>;
  readonly initial: ReadonlyMap<string, string>;
};

export type Requirement = { readonly kind: "exactly" | "at-least"; readonly value: string };

const longest = "9223372036854775807";
const exactly = (value: string | number): Requirement => ({ kind: "exactly", value: String(value) });
const atLeast = (value: string | number): Requirement => ({ kind: "at-least", value: String(value) });

// Event time is the records' own, whatever the brokers' clocks say: Kafka 4 refuses by default what is an hour ahead.
const ownTime: readonly (readonly [string, Requirement])[] = [
  ["message.timestamp.type", exactly("CreateTime")],
  ["message.timestamp.after.max.ms", exactly(longest)],
  ["message.timestamp.before.max.ms", exactly(longest)],
];
// What is sent compressed stays as it is; a broker that compresses anew pays for it on every record.
const asSent: ReadonlyMap<string, string> = new Map([["compression.type", "producer"]]);

export function wantedTopic({ name, partitions, retention }: TopicSpec, { replication, minIsr }: TopicDefaults): WantedTopic {
  if (retention.kind === "time" && !(retention.ms > 0)) throw new RangeError(`topic "${name}" cannot keep records for ${retention.ms} ms`);
  const required = new Map([
    ["cleanup.policy", exactly("delete")],
    // Kafka cannot tell `consumed` from `forever`: what a group has committed past is deleted by whoever commits.
    ["retention.ms", exactly(retention.kind === "time" ? Math.ceil(retention.ms) : -1)],
    ["retention.bytes", exactly(-1)],
    ...ownTime,
    ...minIsrOf(minIsr),
  ]);
  return { ...checked(name, partitions), replication, required, initial: asSent };
}

export function wantedChangelog(
  { name, partitions }: { readonly name: string; readonly partitions: number },
  { replication, minIsr, changelog = defaultCompaction }: TopicDefaults,
): WantedTopic {
  const required = new Map([
    ["cleanup.policy", exactly("compact")],
    ["delete.retention.ms", atLeast(changelog.deleteRetentionMs)],
    ...ownTime,
    ...minIsrOf(minIsr),
  ]);
  const initial = new Map([
    ...asSent,
    ["min.cleanable.dirty.ratio", String(changelog.dirtyRatio)],
    ["segment.ms", String(changelog.segmentMs)],
  ]);
  return { ...checked(name, partitions), replication, required, initial };
}

const minIsrOf = (minIsr: number | undefined): [string, Requirement][] =>
  minIsr === undefined ? [] : [["min.insync.replicas", atLeast(minIsr)]];

function checked(name: string, partitions: number): { readonly name: string; readonly partitions: number } {
  if (!/^(?!\.{1,2}$)[\w.-]{1,249}$/.test(name)) throw new RangeError(`"${name}" cannot name a topic of Kafka`);
  if (!Number.isSafeInteger(partitions) || partitions < 1) throw new RangeError(`topic "${name}" cannot have ${partitions} partitions`);
  return { name, partitions };
}

/** What an existing topic has, and what of it is not as wanted, in words; empty when all is. */
export function mismatches(
  wanted: WantedTopic,
  present: { readonly partitions: number; readonly settings: ReadonlyMap<string, string | null> },
): string[] {
  const found: string[] = [];
  if (present.partitions !== wanted.partitions) found.push(`it has ${present.partitions} partitions, asked for are ${wanted.partitions}`);
  for (const [key, { kind, value }] of wanted.required) {
    const has = present.settings.get(key) ?? "nothing";
    if (!fits(has, { kind, value })) found.push(`${key} is ${has}, asked for is ${kind === "at-least" ? "at least " : ""}${value}`);
  }
  return found;
}

const fits = (has: string, { kind, value }: Requirement): boolean =>
  has === value || (kind === "at-least" && /^-?\d+$/.test(has) && BigInt(has) >= BigInt(value));
