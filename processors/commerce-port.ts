import type { Port } from "@millrace/engine";
import type { EventTypes } from "#schemas/events.generated.ts";
import type { Money } from "#schemas/money.ts";

type EventName = keyof EventTypes;
type FieldOf<E extends EventName> = keyof EventTypes[E] & string;

/** What a processor sees of an event: the fields of `data` that its port declares, so that no other is read undecoded. */
export type EventReading<E extends EventName, F extends FieldOf<E> = FieldOf<E>> = { readonly data: Pick<EventTypes[E], F> };

type InputOptions<F extends string> = {
  /** The field of `data` that must be the key of the records. */
  readonly key: NoInfer<F>;
  /** The fields of `data` that are read. */
  readonly reads: readonly F[];
  /** The port may be left unwired. */
  readonly optional?: boolean;
};

/** An input of events of one type. */
export function eventInput<E extends EventName, const F extends FieldOf<E>>(
  event: E,
  { key, reads, optional = false }: InputOptions<F>,
): Port<EventReading<E, F>> {
  return { shape: { kind: "event", event }, key, reads: reads.map((field) => `data.${field}`), optional };
}

/** An output of events of one type: the processor gives `data`, the compiler puts the envelope around it. */
export function eventOutput<E extends EventName>(event: E): Port<EventTypes[E]> {
  return { shape: { kind: "event", event } };
}

/** The compiler's words for the types of a record's fields. */
type FieldWords = { readonly string: string; readonly int: number; readonly money: Money };
type FieldDeclaration = Readonly<Record<string, keyof FieldWords>>;
type RecordOf<F extends FieldDeclaration> = { readonly [K in keyof F]: FieldWords[F[K]] };

type RecordOptions<K> = { readonly key: K; readonly optional?: boolean };

/** An input of records that other nodes make; more fields than these may be in them. */
export function recordInput<const F extends FieldDeclaration>(
  fields: F,
  { key, optional = false }: RecordOptions<keyof F & string>,
): Port<RecordOf<F>> {
  return { shape: { kind: "record", fields }, key, reads: Object.keys(fields), optional };
}
