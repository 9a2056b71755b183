// Read by k6 as well as by Node: nothing here may import what k6 does not have. Whole numbers and plain arithmetic only, so that both give the same.
// k6 interprets, twenty times slower than Node: so an event is one draw and one template, with few calls and no objects.

/** What the verifier needs to know of an event. */
export type MadeEvent = {
  readonly eventType: "product.viewed" | "cart.item_added" | "order.created" | "payment.attempted";
  /** As the schema of its type says. */
  readonly key: string;
};

export type Shopper = {
  /** Makes the next event, as JSON; the same calls in the same order give the same events. Not more often than it has events. */
  readonly next: (eventId: string, timestamp: string) => string;
  /** Of the event that was made last. */
  readonly last: () => MadeEvent;
  /** How many orders were made so far, and of the newest its event and an article in it, by which it can be asked for. */
  readonly orders: { count: number; eventId: string; sku: number };
};

type Visit = {
  readonly session: string;
  /** Null for a guest. */
  readonly customer: string | null;
  readonly card: string;
  readonly country: string;
  /** Members of its events: those that all of them have, and `customerId`. */
  readonly about: string;
  readonly who: string;
  /** Member of its next event: the id of the last one. */
  cause: string;
  /** Lines of its order, their number and sum, and an article among them. */
  items: string;
  lines: number;
  pence: number;
  sku: number;
  ordered: boolean;
};

const articles = 3000;
const mostItems = 12;
const countries = ["Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal"];
const agents = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
];
/** 0 to 99 in two digits. */
const cents = Array.from({ length: 100 }, (_, n) => (n < 10 ? `0${n}` : `${n}`));

export type Shop = {
  /** In the ids of its visitors and what they make. */
  readonly name: string;
  readonly seed: number;
  readonly user: number;
  /** How many events there will be; the last of them end the visits in which something is in the cart. */
  readonly events: number;
};

/**
 * What the visitors of one virtual user do. Sessions, customers and cards are this user's own, and a user has one request under way, so the order
 * of a key's events is the order in which they are sent, however many users there are.
 * A visit looks at articles, fills a cart, orders and pays, or ends. Some visits are busier than others; few articles sell most; a quarter of
 * the visitors are guests, nine of ten are from one country: as in the shipped orders.
 */
export function createShopper({ name, seed, user, events }: Shop): Shopper {
  let state = 1 + ((Math.imul(seed, 0x9e37_79b1) ^ Math.imul(user, 0x85eb_ca6b)) >>> 2);
  // Source: Park and Miller, Random number generators: good ones are hard to find; 31 bits, of which none is 0 throughout.
  const draw = (): number => (state = (state * 48_271) % 0x7fff_ffff);
  const below = (n: number): number => draw() % n;
  const openVisits = Math.ceil(events / 30);
  let opened = 0;
  const open = (): Visit => {
    const session = `s-${name}-${opened++}`;
    const guest = below(4) === 0;
    const buyer = `${name}-${below(events)}`;
    const customer = guest ? null : `c-${buyer}`;
    const userId = guest ? "" : `"userId":"${customer}",`;
    return {
      session,
      customer,
      card: guest ? `card-${session}` : `card-${buyer}`,
      country: below(10) > 0 ? "United Kingdom" : countries[below(countries.length)]!,
      about:
        `"eventVersion":"1.0.0","source":"load-test","correlationId":"visit-${session}","metadata":{"sessionId":"${session}",${userId}` +
        `"userAgent":"${agents[below(agents.length)]}","ipAddress":"192.0.2.${1 + below(254)}","schemaVersion":"1.0.0"}`,
      who: `"customerId":${guest ? "null" : `"${customer}"`}`,
      cause: "",
      items: "",
      lines: 0,
      pence: 0,
      sku: 0,
      ordered: false,
    };
  };
  const visits = Array.from({ length: openVisits }, open);
  const orders = { count: 0, eventId: "", sku: 0 };
  let eventType: MadeEvent["eventType"] = "product.viewed";
  let visit = visits[0]!;
  let left = events;
  /** Events that it takes to end the visits with something in the cart: an order, or its payment. */
  let owed = 0;

  const next = (eventId: string, timestamp: string): string => {
    // Of 31 bits, 10 say whose turn it is, 8 what is done, 13 with which article.
    const bits = draw();
    const share = bits & 0x3ff;
    const closing = left <= owed;
    const slot = closing ? visits.findIndex(({ lines }) => lines > 0) : (openVisits * share * share) >>> 20;
    left -= 1;
    visit = visits[slot]!;
    const { about, who, cause, lines } = visit;
    visit.cause = `,"causationId":"${eventId}"`;
    if (visit.ordered) {
      visits[slot] = open();
      owed -= 1;
      eventType = "payment.attempted";
      const { session, card, pence } = visit;
      return `{"eventId":"${eventId}",${about}${cause},"timestamp":"${timestamp}","eventType":"payment.attempted","data":{"paymentId":"pay-o-${session}","orderId":"o-${session}","cardId":"${card}","amount":{"amount":"${(pence / 100) | 0}.${cents[pence % 100]}","currency":"GBP"},"method":"card"}}`;
    }
    const step = (bits >>> 10) & 0xff;
    if (lines > 0 && (step < 22 || closing)) {
      visit.ordered = true;
      owed -= 1;
      eventType = "order.created";
      const { session, card, country, items, pence, sku } = visit;
      orders.count += 1;
      orders.eventId = eventId;
      orders.sku = sku;
      return `{"eventId":"${eventId}",${about}${cause},"timestamp":"${timestamp}","eventType":"order.created","data":{"orderId":"o-${session}",${who},"items":[${items}],"total":{"amount":"${(pence / 100) | 0}.${cents[pence % 100]}","currency":"GBP"},"shippingAddress":{"country":"${country}"},"paymentMethod":{"type":"card","cardId":"${card}"}}}`;
    }
    const skewed = bits >>> 18;
    const article = (skewed * skewed * skewed * (articles / 0x80_0000_0000)) | 0;
    const sku = 10_000 + article * 7;
    const pence = 85 + ((article * 37) % 4000);
    const amount = `{"amount":"${(pence / 100) | 0}.${cents[pence % 100]}","currency":"GBP"}`;
    if (step < 107 && lines < mostItems && (lines > 0 || left >= owed + 2)) {
      eventType = "cart.item_added";
      if (lines === 0) owed += 2;
      const quantity = 1 + below(4);
      const line = `"sku":"${sku}","quantity":${quantity},"unitPrice":${amount}`;
      visit.items = lines === 0 ? `{${line}}` : `${visit.items},{${line}}`;
      visit.lines = lines + 1;
      visit.pence += quantity * pence;
      visit.sku = sku;
      return `{"eventId":"${eventId}",${about}${cause},"timestamp":"${timestamp}","eventType":"cart.item_added","data":{"cartId":"cart-${visit.session}",${line},${who}}}`;
    }
    if (step > 250) {
      visits[slot] = open();
      if (lines > 0) owed -= 2;
    }
    eventType = "product.viewed";
    return `{"eventId":"${eventId}",${about}${cause},"timestamp":"${timestamp}","eventType":"product.viewed","data":{"sku":"${sku}",${who},"price":${amount}}}`;
  };

  const last = (): MadeEvent => {
    const { session, customer, card } = visit;
    const key = eventType === "payment.attempted" ? card : eventType === "order.created" ? (customer ?? session) : session;
    return { eventType, key };
  };
  return { next, last, orders };
}
