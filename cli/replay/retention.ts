import { formatTimestamp } from "#schemas/timestamp.ts";
import { isObject, parseJson, problemText, retryAfter } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { ReplayError } from "./replay-error.ts";
import type { ServerDoor } from "./server-door.ts";

/** Where a server says how long the topics of its events keep what they are given, and by which time that is judged. */
export const retentionPath = "/v1/retention";

/** What a replay posts. */
export const replayedTypes = [
  "order.created",
  "order.cancelled",
  "payment.attempted",
  "payment.authorized",
  "inventory.adjusted",
  "inventory.received",
] as const;

/** Whether posting may begin, or why the server has to be asked again. */
export type Preflight = { readonly kind: "fine" } | { readonly kind: "again"; readonly why: string; readonly afterMs: number | undefined };

/**
 * Asks the server, before anything is posted, whether its topics would keep events as old as these: Kafka deletes by the time of the record, so a
 * replay of old events into a topic of seven days is gone a moment later. A server that does not say is believed to keep them.  [P22]
 *
 * @throws {ReplayError} `REPLAY_RETENTION`
 */
export async function keepsEvents(
  oldestAt: number,
  { door, clock }: { readonly door: ServerDoor; readonly clock: Clock },
): Promise<Preflight> {
  const answer = await door.get(retentionPath);
  if (answer.kind === "lost") return { kind: "again", why: answer.why, afterMs: undefined };
  const { status, headers, body } = answer;
  if (status >= 500 || status === 429) {
    return {
      kind: "again",
      why: `it answers ${status} ${problemText(body)}`.trimEnd(),
      afterMs: retryAfter(headers.get("retry-after"), clock.now()),
    };
  }
  const told = status === 200 ? parseJson(body) : undefined;
  if (!isObject(told) || told["judgedBy"] !== "record-time" || !Array.isArray(told["topics"])) return { kind: "fine" };
  const ageMs = clock.now() - oldestAt;
  const short = (told["topics"] as readonly unknown[]).filter(
    (topic): topic is { topic: string; keepsMs: number } =>
      isObject(topic) &&
      typeof topic["topic"] === "string" &&
      (replayedTypes as readonly unknown[]).includes(topic["eventType"]) &&
      typeof topic["keepsMs"] === "number" &&
      topic["keepsMs"] < ageMs,
  );
  if (short.length === 0) return { kind: "fine" };
  const days = Math.floor(Math.min(...short.map(({ keepsMs }) => keepsMs)) / 86_400_000);
  throw new ReplayError(
    "REPLAY_RETENTION",
    `${door.to} keeps ${short.map(({ topic }) => topic).join(", ")} for ${days} days by the time of the events, and the first of these is of ${formatTimestamp(oldestAt)}: ` +
      "they would be deleted a moment later. Nothing was posted. Run the server on new topics with --retention forever " +
      "(topics that are there: kafka-configs --alter --entity-type topics --entity-name TOPIC --add-config retention.ms=-1), or replay with --stamp now",
  );
}
