// Read by k6 as well as by Node: nothing here may import what k6 does not have. Whole numbers and plain arithmetic only, so that both give the same.

/** An event to be sent: its text, and what the verifier needs to know of it. */
export type ShopperEvent = {
  readonly eventType: "product.viewed" | "cart.item_added" | "order.created" | "payment.attempted";
  /** As the schema of its type says. */
  readonly key: string;
  /** Of an order: an article in it, by which it can be asked for. */
  readonly sku: string;
  readonly text: string;
};

/** Makes the next event; the same calls in the same order give the same events. */
export type Shopper = (eventId: string, timestamp: string) => ShopperEvent;

type Visit = {
  readonly session: string;
  /** Null for a guest. */
  readonly customer: string | null;
  readonly card: string;
  readonly country: string;
  readonly about: string;
  readonly items: { readonly sku: string; readonly quantity: number; readonly pence: number }[];
  order: { readonly id: string; readonly pence: number } | undefined;
  cause: string | undefined;
};

const openVisits = 40;
const customersPerUser = 4000;
const articles = 3000;
const mostItems = 12;
const countries = ["Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal"];
const agents = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
];

/**
 * What the visitors of one virtual user do. Sessions, customers and cards are this user's own, and a user has one request under way, so the order
 * of a key's events is the order in which they are sent, however many users there are.
 * A visit looks at articles, fills a cart, orders and pays, or ends. Some visits are busier than others; few articles sell most; a quarter of
 * the visitors are guests, nine of ten are from one country: as in the shipped orders.
 */
export function createShopper({ run, seed, user }: { readonly run: string; readonly seed: number; readonly user: number }): Shopper {
  const random = randomOf(seed, user);
  const below = (n: number): number => Math.floor(random() * n);
  let opened = 0;
  const open = (): Visit => {
    const n = opened++;
    const guest = random() < 0.25;
    const session = `s-${run}-${user}-${n}`;
    const buyer = `${run}-${user}-${below(customersPerUser)}`;
    const customer = guest ? null : `c-${buyer}`;
    return {
      session,
      customer,
      card: guest ? `card-${session}` : `card-${buyer}`,
      country: random() < 0.9 ? "United Kingdom" : countries[below(countries.length)]!,
      about: aboutOf({ session, customer, agent: agents[below(agents.length)]!, address: `192.0.2.${1 + below(254)}` }),
      items: [],
      order: undefined,
      cause: undefined,
    };
  };
  const visits = Array.from({ length: openVisits }, open);

  return (eventId, timestamp) => {
    const share = random();
    const slot = Math.floor(openVisits * share * share);
    const visit = visits[slot]!;
    const head = `{"eventId":"${eventId}",${visit.about}${visit.cause === undefined ? "" : `"causationId":"${visit.cause}",`}"timestamp":"${timestamp}",`;
    visit.cause = eventId;
    const step = random();
    if (visit.order !== undefined) {
      visits[slot] = open();
      return payment(visit, head);
    }
    if (visit.items.length > 0 && step < 0.12) return order(visit, head);
    const skewed = random();
    const article = Math.floor(articles * skewed * skewed * skewed);
    if (step < 0.42 && visit.items.length < mostItems) return put(visit, head, { article, quantity: 1 + below(4) });
    if (step > 0.98) visits[slot] = open();
    return view(visit, head, article);
  };
}

function aboutOf({
  session,
  customer,
  agent,
  address,
}: {
  session: string;
  customer: string | null;
  agent: string;
  address: string;
}): string {
  const userId = customer === null ? "" : `"userId":"${customer}",`;
  return (
    `"eventVersion":"1.0.0","source":"load-test","correlationId":"visit-${session}",` +
    `"metadata":{"sessionId":"${session}",${userId}"userAgent":"${agent}","ipAddress":"${address}","schemaVersion":"1.0.0"},`
  );
}

const skuOf = (article: number): string => String(10_000 + article * 7);
const penceOf = (article: number): number => 85 + ((article * 37) % 4000);
const customerOf = ({ customer }: Visit): string => (customer === null ? "null" : `"${customer}"`);

function money(pence: number): string {
  const cents = pence % 100;
  return `{"amount":"${Math.floor(pence / 100)}.${cents < 10 ? "0" : ""}${cents}","currency":"GBP"}`;
}

function view(visit: Visit, head: string, article: number): ShopperEvent {
  const sku = skuOf(article);
  const text = `${head}"eventType":"product.viewed","data":{"sku":"${sku}","customerId":${customerOf(visit)},"price":${money(penceOf(article))}}}`;
  return { eventType: "product.viewed", key: visit.session, sku, text };
}

function put(visit: Visit, head: string, { article, quantity }: { readonly article: number; readonly quantity: number }): ShopperEvent {
  const sku = skuOf(article);
  const pence = penceOf(article);
  visit.items.push({ sku, quantity, pence });
  const data = `{"cartId":"cart-${visit.session}","sku":"${sku}","quantity":${quantity},"unitPrice":${money(pence)},"customerId":${customerOf(visit)}}`;
  return { eventType: "cart.item_added", key: visit.session, sku, text: `${head}"eventType":"cart.item_added","data":${data}}` };
}

function order(visit: Visit, head: string): ShopperEvent {
  const id = `o-${visit.session}`;
  let total = 0;
  let items = "";
  for (const { sku, quantity, pence } of visit.items) {
    total += quantity * pence;
    items += `${items === "" ? "" : ","}{"sku":"${sku}","quantity":${quantity},"unitPrice":${money(pence)}}`;
  }
  visit.order = { id, pence: total };
  const data =
    `{"orderId":"${id}","customerId":${customerOf(visit)},"items":[${items}],"total":${money(total)},` +
    `"shippingAddress":{"country":"${visit.country}"},"paymentMethod":{"type":"card","cardId":"${visit.card}"}}`;
  const text = `${head}"eventType":"order.created","data":${data}}`;
  return { eventType: "order.created", key: visit.customer ?? visit.session, sku: visit.items[0]!.sku, text };
}

function payment({ order: made, card }: Visit, head: string): ShopperEvent {
  const { id, pence } = made!;
  const data = `{"paymentId":"pay-${id}","orderId":"${id}","cardId":"${card}","amount":${money(pence)},"method":"card"}`;
  return { eventType: "payment.attempted", key: card, sku: "", text: `${head}"eventType":"payment.attempted","data":${data}}` };
}

/** In [0, 1), by seed and user. Source: Marsaglia, Xorshift RNGs, 32 bits. */
function randomOf(seed: number, user: number): () => number {
  let state = Math.imul(seed, 0x9e37_79b1) ^ Math.imul(user, 0x85eb_ca6b) || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
  // Neighbouring users begin alike.
  for (let i = 0; i < 8; i++) next();
  return next;
}
