import { absolute } from "../scan.ts";
import type { CatalogueEntry } from "../catalogue.ts";
import { parseQuestion } from "../parse-question.ts";
import type { QueryProblem } from "../problem.ts";
import type { TimeBound } from "../query-request.ts";
import { PlaceIds, type ReaderPlace } from "./place-id.ts";
import type { ViewConditions } from "./stream-view.ts";

export type StreamQuestion = {
  readonly filters: ViewConditions["filters"];
  readonly from: TimeBound | undefined;
  readonly to: TimeBound | undefined;
  readonly snapshot: boolean;
  readonly lastId: string | undefined;
};

export type ParsedStream =
  | { readonly kind: "question"; readonly question: StreamQuestion }
  | { readonly kind: "problem"; readonly problem: QueryProblem };

/** Parameters of pulls that make no sense for a stream. */
const refused = ["format", "limit", "cursor", "order", "after"] as const;

export type AskedStream = {
  readonly parameters: URLSearchParams;
  readonly accept: string | undefined;
  /** The `Last-Event-ID` header. */
  readonly lastEventId: string | undefined;
};

/** Reads what a client asks of one query's stream: filters and bounds as in a pull, `snapshot=0` and `lastEventId`. */
export function parseStream(entry: CatalogueEntry, { parameters, accept, lastEventId }: AskedStream): ParsedStream {
  if (!acceptsEvents(accept))
    return {
      kind: "problem",
      problem: { slug: "not-acceptable", detail: "a stream is text/event-stream; without /stream the query answers once" },
    };
  const rest = new URLSearchParams(parameters);
  const snapshot = rest.get("snapshot") ?? "1";
  const given = rest.get("lastEventId");
  rest.delete("snapshot");
  rest.delete("lastEventId");
  if (snapshot !== "0" && snapshot !== "1") return invalid("snapshot", '"snapshot" is 1, or 0 for changes only');
  const useless = refused.find((name) => rest.has(name) && !entry.columns.some((column) => column.name === name));
  if (useless !== undefined) return invalid(useless, `"${useless}" is of no use in a stream, which tells all rows as they change`);
  const parsed = parseQuestion(entry, { parameters: rest, format: "json", prefer: undefined });
  if (parsed.kind === "problem") return parsed;
  const { filters, from, to } = parsed.question.request;
  const lastId = lastEventId ?? given ?? "";
  return { kind: "question", question: { filters, from, to, snapshot: snapshot === "1", lastId: lastId === "" ? undefined : lastId } };
}

const invalid = (parameter: string, detail: string): ParsedStream => ({
  kind: "problem",
  problem: { slug: "invalid-parameter", detail, more: { parameter } },
});

const acceptsEvents = (accept: string | undefined): boolean =>
  accept === undefined || accept.trim() === "" || /text\/event-stream|text\/\*|\*\/\*/i.test(accept);

/** Ids are good for the same query with the same columns, and the same filters in whatever order. */
export function placeIdsOf({ name, kind, columns }: CatalogueEntry, { filters, from, to }: StreamQuestion, log: string): PlaceIds {
  const sorted = filters.map(([column, texts]) => JSON.stringify([column, texts.toSorted()])).toSorted();
  return new PlaceIds(log, JSON.stringify([name, kind, columns, sorted, from, to]));
}

/** Bounds before the newest event time are settled when the stream begins; one that goes on keeps those that it began with. */
export function conditionsOf(question: StreamQuestion, place: ReaderPlace | undefined, streamTime: number): ViewConditions {
  const { filters, from, to } = question;
  if (place !== undefined) return { filters, from: place.from, to: place.to };
  return { filters, from: absolute(from, streamTime)?.ms, to: absolute(to, streamTime)?.ms };
}
