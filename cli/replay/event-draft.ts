import { eventStem, type Invoice, type Origin } from "./invoice.ts";
import { type History, repetitionSpan } from "./history.ts";

/**
 * An event but for its timestamp, which stands between `head` and `tail` of its JSON text: `--stamp now` knows it only when it sends.
 * `at` is its time by the data.
 */
export type EventDraft = {
  readonly eventType: string;
  readonly eventId: string;
  readonly at: number;
  readonly head: string;
  readonly tail: string;
  readonly origin: Origin;
};

export type DraftOptions = {
  /** Units of every sku that are received before the first row; 0 for none. */
  readonly openingStock: number;
  /** How often the files are sent: Infinity for without end. */
  readonly repeat: number;
  /** Marks the ids of one run, where a second run of the same files is another one (`--stamp now`); empty where it is the same. */
  readonly run: string;
};

/** The events of all repetitions, in order.  [P6–P10] */
export function* eventDrafts(history: History, { openingStock, repeat, run }: DraftOptions): Generator<EventDraft> {
  if (history.invoices.length === 0) return;
  const span = repetitionSpan(history);
  if (openingStock > 0) yield* openingStockDrafts(history, openingStock, run);
  for (let r = 0; r < repeat; r++) {
    const repetition = { suffix: r === 0 ? "" : `~${r}`, mark: `${run}${r === 0 ? "" : `.r${r}`}`, run, shift: r * span };
    for (const invoice of history.invoices) yield* invoiceDrafts(invoice, repetition);
  }
}

/** How many events that is. */
export function countDrafts(history: History, { openingStock, repeat }: DraftOptions): number {
  const opening = openingStock > 0 ? history.skus.length : 0;
  let each = 0;
  for (const { sale, cancels, adjustments } of history.invoices) {
    each += adjustments.length + (sale === null ? 0 : sale.paid && !cancels ? 3 : 1);
  }
  return opening + (each === 0 ? 0 : each * repeat);
}

function* openingStockDrafts({ skus, firstAt, origin }: History, quantity: number, run: string): Generator<EventDraft> {
  for (const sku of skus) {
    const event = {
      eventType: "inventory.received",
      eventId: `${eventStem(`opening-${sku}`, [quantity], firstAt)}${run}`,
      at: firstAt,
      origin,
    };
    yield draft(event, "opening-stock", null, "", `{"sku":${JSON.stringify(sku)},"quantity":${quantity}}`);
  }
}

type Repetition = { readonly suffix: string; readonly mark: string; readonly run: string; readonly shift: number };

function* invoiceDrafts(invoice: Invoice, { suffix, mark, run, shift }: Repetition): Generator<EventDraft> {
  const id = `${invoice.id}${run === "" ? "" : `~${run.slice(1)}`}${suffix}`;
  const { origin, sale } = invoice;
  const at = invoice.at + shift;
  if (sale !== null) {
    const customer = invoice.customer === null ? null : `${invoice.customer}${suffix}`;
    const metadata = customer === null ? "" : `"userId":${JSON.stringify(customer)}`;
    const card = JSON.stringify(`card-${customer ?? `guest-${id}`}`);
    const order = JSON.stringify(id);
    const total = `{"amount":"${sale.total}","currency":"GBP"}`;
    const kind = invoice.cancels ? "cancelled" : "created";
    const eventId = `${invoice.stem}.${kind}${mark}`;
    const about = `{"orderId":${order},"customerId":${JSON.stringify(customer)},"items":[${sale.items}],"total":${total}`;
    const address = `"shippingAddress":{"country":${JSON.stringify(invoice.country)}}`;
    const method = invoice.cancels ? "" : `,"paymentMethod":{"type":"card","cardId":${card}}`;
    yield draft({ eventType: `order.${kind}`, eventId, at, origin }, id, null, metadata, `${about},${address}${method}}`);
    if (sale.paid && !invoice.cancels) {
      const data = `{"paymentId":${JSON.stringify(`payment-${id}`)},"orderId":${order},"cardId":${card},"amount":${total}}`;
      const attempted = `${invoice.stem}.attempted${mark}`;
      yield draft({ eventType: "payment.attempted", eventId: attempted, at, origin }, id, eventId, metadata, data);
      const authorized = `${invoice.stem}.authorized${mark}`;
      yield draft({ eventType: "payment.authorized", eventId: authorized, at, origin }, id, attempted, metadata, data);
    }
  }
  for (const { sku, delta, reason, stem } of invoice.adjustments) {
    const data = `{"sku":${JSON.stringify(sku)},"delta":${delta},"reason":${JSON.stringify(reason)}}`;
    yield draft({ eventType: "inventory.adjusted", eventId: `${stem}.adjusted${mark}`, at, origin }, id, null, "", data);
  }
}

type DraftHead = { readonly eventType: string; readonly eventId: string; readonly at: number; readonly origin: Origin };

function draft(event: DraftHead, correlationId: string, causationId: string | null, metadata: string, data: string): EventDraft {
  const head = `{"eventId":"${event.eventId}","eventType":"${event.eventType}","eventVersion":"1.0.0","source":"online-retail","timestamp":"`;
  const cause = causationId === null ? "" : `,"causationId":"${causationId}"`;
  const tail = `","correlationId":${JSON.stringify(correlationId)}${cause},"metadata":{${metadata}},"data":${data}}`;
  return { ...event, head, tail };
}
