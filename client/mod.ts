export { MillraceClient, type MillraceClientOptions, type SendOptions } from "./millrace-client.ts";
export { type EventFault, MillraceError } from "./millrace-error.ts";
export type { Receipt } from "./outbox.ts";
export type { QueryOptions, QueryPage, QueryParameters, StreamOptions } from "./questions.ts";
export type { StreamEvent } from "./event-stream.ts";
export type { EventData, EventType, Metadata, Money, Time } from "./events.generated.ts";
