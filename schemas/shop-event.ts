import type { EventType } from "./event-types.ts";
import type { EventEnvelope, EventTypes } from "./events.generated.ts";

/** A decoded event: the envelope, with the data of its type. Never changed, only copied. */
export type ShopEvent<T extends EventType = EventType> = {
  readonly [K in T]: EventEnvelope & { readonly eventType: K; readonly data: EventTypes[K] };
}[T];

/** A value to be encoded: as decoded, but what may be null may be left out. */
export type Draft<V> = V extends Uint8Array
  ? V
  : V extends readonly (infer I)[]
    ? readonly Draft<I>[]
    : V extends object
      ? { readonly [K in keyof V as null extends V[K] ? never : K]: Draft<V[K]> } & {
          readonly [K in keyof V as null extends V[K] ? K : never]?: Draft<V[K]> | undefined;
        }
      : V;

/** An event to be encoded: fields that may be null, and the whole metadata, may be left out. */
export type EventDraft<T extends EventType = EventType> = {
  readonly [K in T]: Draft<Omit<EventEnvelope, "metadata">> & {
    readonly eventType: K;
    readonly metadata?: Draft<EventEnvelope["metadata"]> | undefined;
    readonly data: Draft<EventTypes[K]>;
  };
}[T];
