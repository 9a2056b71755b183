import { bodyFormats } from "#gateway/admission/media-type.ts";
import { contentCodings } from "#gateway/admission/decode-body.ts";
import { rejectionCodes, retryCodes, warningCodes } from "#gateway/event-codes.ts";
import type { Limits } from "#gateway/limits.ts";
import type { ProblemSlug } from "#gateway/problem.ts";
import { schemaOf } from "#schemas/event-registry.ts";
import { eventTypes } from "#schemas/event-types.ts";
import { exampleOf } from "#schemas/json/example.ts";
import { type Definitions, eventSchemaOf } from "#schemas/json/json-schema.ts";
import { eventIdPattern } from "#schemas/json/text-patterns.ts";
import type { House } from "../house.ts";
import { gatewayProblem, jsonAnswer, object, type Part, problemAnswers, retryAfter, schemaRef, text } from "./answers.ts";

/** What `POST /v1/events` refuses a whole request with, beside what every request can have. */
export const postProblems: readonly ProblemSlug[] = [
  "malformed-json",
  "unexpected-body",
  "invalid-utf8",
  "empty-batch",
  "decompression-failed",
  "too-deep",
  "missing-credentials",
  "invalid-credentials",
  "request-timeout",
  "payload-too-large",
  "unsupported-media-type",
  "unsupported-encoding",
  "all-events-rejected",
  "internal-error",
  "log-unavailable",
  "temporary-reduced-capacity",
  "draining",
  "ack-timeout",
];

/** The schemas of all events, of what they are posted in, and of what is answered. */
export function eventSchemas(limits: Limits, definitions: Definitions): Part {
  const events = Object.fromEntries(eventTypes.map((eventType) => [eventType, eventSchemaOf(schemaOf(eventType), definitions)]));
  const mapping = Object.fromEntries(eventTypes.map((eventType) => [eventType, schemaRef(eventType)["$ref"]]));
  const list = { type: "array", items: schemaRef("Event"), minItems: 1, maxItems: limits.events };
  return {
    ...events,
    Event: {
      description: "An event of any type; `eventType` says which.",
      oneOf: eventTypes.map(schemaRef),
      discriminator: { propertyName: "eventType", mapping },
    },
    Events: {
      description: `One event, a list of up to ${limits.events}, or the list with the time at which it is sent.`,
      anyOf: [
        schemaRef("Event"),
        list,
        object({
          "sentAt?": text("The sender's clock at this attempt; events are moved by its skew.", { format: "date-time" }),
          events: list,
        }),
      ],
    },
    EventResults: object({
      batchId: text("Names this answer; the same as `requestId` of a problem."),
      ack: { const: "broker", description: "What `accepted` means: durable on the log." },
      receivedAt: text("The gateway's clock.", { format: "date-time" }),
      "skewMs?": { type: "integer", description: "How far the gateway's clock is ahead of `sentAt`." },
      results: { type: "array", items: schemaRef("EventResult"), description: "One an event, in the order of the request." },
    }),
    EventResult: {
      oneOf: [
        result("accepted", { token, "warnings?": { type: "array", items: schemaRef("EventWarning") } }, "On the log."),
        result(
          "duplicate",
          { token, firstReceivedAt: text("When the first one came.", { format: "date-time" }) },
          "On the log already: a success.",
        ),
        result(
          "rejected",
          {
            ...noteOf(rejectionCodes),
            errors: { type: "array", items: schemaRef("EventFault"), description: "Every mistake of the event." },
          },
          "Never to be sent again unchanged.",
        ),
        result(
          "retry",
          { code: { enum: retryCodes }, retryAfterMs: { type: "integer", minimum: 0 } },
          "Not stored, or unknown: to be sent again with the same id, in the same order.",
        ),
      ],
    },
    EventFault: object(noteOf(rejectionCodes), { description: "One thing that is wrong with an event." }),
    EventWarning: object(noteOf(warningCodes), { description: "Something that was done to an event, or will be wrong one day." }),
  };
}

const token = text("Where the event lies; a query asked with `after=` waits until it shows it.");

const noteOf = (codes: readonly string[]): Readonly<Record<string, Part>> => ({
  code: { enum: codes },
  pointer: text("RFC 6901, from the event; of a missing field, where it should be.", { format: "json-pointer" }),
  detail: text("The sentence for people."),
  "expected?": text("What would be right."),
  "didYouMean?": text("The name that was probably meant."),
});

function result(status: string, properties: Readonly<Record<string, Part>>, description: string): Part {
  const i = { type: "integer", minimum: 0, description: "Place in the request." };
  const eventId = status === "rejected" ? { type: ["string", "null"] } : { type: "string", pattern: eventIdPattern };
  return object({ i, eventId, status: { const: status }, ...properties }, { description });
}

/** `POST /v1/events`. */
export function postOperation({ limits, keyed }: House): Part {
  const retried = { "Ingest-Result": ingestResult, "Retry-After": retryAfter };
  return {
    operationId: "postEvents",
    tags: ["Events"],
    summary: "Post events",
    description:
      "One event, a list, or one a line. Every event has its own result, in the order of the request. An event that is sent twice counts once. " +
      `At most ${limits.events} events and ${limits.wireBytes} bytes a request (${limits.decodedBytes} decoded), ${limits.eventBytes} bytes an event; GET /v1/limits tells all limits. ` +
      "Events of one key keep their order: behind one that is to be sent again, later ones of its key are too.",
    ...(keyed ? { security: [{ key: [] }] } : {}),
    parameters: [
      header("Content-Encoding", "One coding of the body.", { type: "string", enum: contentCodings }),
      header("X-Sent-At", "The sender's clock at this attempt, as `sentAt` of the body.", { type: "string", format: "date-time" }),
      header("Prefer", "`return=minimal` leaves accepted events without warnings out of the results.", { type: "string" }),
      header("traceparent", "W3C trace context, carried on with the events.", { type: "string" }),
    ],
    requestBody: {
      required: true,
      content: Object.fromEntries(Object.entries(bodyFormats).map(([type, format]) => [type, contentOf(format)])),
    },
    responses: {
      200: jsonAnswer("All events are on the log.", schemaRef("EventResults"), { "Ingest-Result": ingestResult }),
      207: jsonAnswer("Some are, some are not: read the results, send those again that say `retry`.", schemaRef("EventResults"), retried),
      ...problemAnswers(postProblems.map(gatewayProblem)),
    },
  };
}

const ingestResult = { description: "Counts: `accepted=1, duplicate=0, rejected=0, retry=0`.", schema: { type: "string" } };

const header = (name: string, description: string, schema: Part): Part => ({ name, in: "header", description, schema });

function contentOf(format: "json" | "ndjson"): Part {
  const [first, second] = [exampleOf("cart.item_added"), exampleOf("order.created")];
  if (format === "ndjson") {
    const value = `${JSON.stringify(first)}\n${JSON.stringify(second)}\n`;
    return {
      schema: { type: "string", description: "One event a line, each as in JSON; blank lines do not count." },
      examples: { "two events": { value } },
    };
  }
  const single = eventTypes.map((eventType) => [eventType, { value: exampleOf(eventType) }] as const);
  const batch = { value: [first, second] };
  return { schema: schemaRef("Events"), examples: { ...Object.fromEntries(single), "a list": batch } };
}
