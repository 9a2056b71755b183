import type { DeadLetter } from "#task/dead-letter.ts";
import { groupOf, type Plan } from "#task/plan.ts";
import type { Redrive } from "#task/redrive.ts";

/** Why a letter is not settled. */
export const letterRefusals = {
  "already-redriven": "it was redriven before; what became of it since is another record",
  "already-dropped": "it was dropped before",
  "no-such-letter": "there is no letter at this place: it was never there, or its time is over",
  "behind-another": "an older letter of its key is open and would come behind it; redrive that one with it, or drop it first",
  "unknown-group":
    "it was set aside by nobody who runs here: another topology, a sink that is gone, or a version that did not say who it was",
  "not-read": "the topology does not read its topic any more",
  "not-at-its-topic":
    "the node that refused it does not read the topic but another node, which has had the record: it would have it twice. Post the event anew, or drop the letter",
  "past-retention":
    "Kafka keeps its topic by the records' own times, and this one is older than that: it could be gone before it is read. Keep the topic for longer, post the event anew, or drop the letter",
} as const;
export type LetterRefusal = keyof typeof letterRefusals;

export type LetterAddress =
  | { readonly kind: "redrive"; readonly redrive: Redrive }
  | { readonly kind: "refused"; readonly why: LetterRefusal };

export type AddressedLetter = {
  readonly name: string;
  /** The topic that it comes back to. */
  readonly topic: string;
  readonly letter: DeadLetter;
  /** What the record was redriven as before it was set aside again. */
  readonly before: Redrive | undefined;
};

/** For whom a letter comes back, so that nobody has a record twice. `groups`: all that read here, sinks too. [RD2] */
export function addressOf(
  { name, topic, letter, before }: AddressedLetter,
  { plan, groups }: { readonly plan: Plan; readonly groups: ReadonlySet<string> },
): LetterAddress {
  const { group, extent, reason, source } = letter;
  if (!groups.has(group)) return refused("unknown-group");
  const node = extent === "record" ? before?.node : letter.node;
  if (group === groupOf(plan.name)) {
    const read = plan.subTopologies.flatMap(({ sources }) => sources).find((one) => one.topic === topic);
    if (read === undefined) return refused("not-read");
    if (node !== undefined && !read.to.some((target) => target.node === node)) return refused("not-at-its-topic");
  }
  const letIn = (extent === "node" && reason !== "late") || (before?.letIn === true && before.node === node);
  return { kind: "redrive", redrive: { group, node, letIn, letter: name, origin: before?.origin ?? originOf(source) ?? name } };
}

const refused = (why: LetterRefusal): LetterAddress => ({ kind: "refused", why });

/** `topic/partition/offset` of a place as letters say it. */
function originOf(source: string): string | undefined {
  const match = /^(.+)\[(\d+)\]@(\d+)$/.exec(source);
  return match === null ? undefined : `${match[1]}/${match[2]}/${match[3]}`;
}
