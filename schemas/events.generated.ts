// Generated from the schema files by `node schemas/generate-types.ts`; a check fails when it drifts. Do not edit.

import type { Money } from "./money.ts";

/** Where the event comes from. */
export type Metadata = {
  /** The visit that it happened in. */
  readonly sessionId: string | null;
  /** Who was logged in. */
  readonly userId: string | null;
  /** The browser, as it calls itself. */
  readonly userAgent: string | null;
  /** Where the request came from. */
  readonly ipAddress: string | null;
  /** Version of this envelope. */
  readonly schemaVersion: string | null;
};

/** A line of an order. */
export type Item = {
  /** The article. */
  readonly sku: string;
  /** The article's name. */
  readonly description: string | null;
  /** Units. */
  readonly quantity: number;
  /** Price of one unit. */
  readonly unitPrice: Money;
  /** Who sells it, in a market place. */
  readonly vendorId: string | null;
};

/** A postal address. */
export type Address = {
  /** Who lives there. */
  readonly name: string | null;
  /** Street and number. */
  readonly line1: string | null;
  /** Floor, flat or building. */
  readonly line2: string | null;
  /** Town. */
  readonly city: string | null;
  /** State, county or province. */
  readonly region: string | null;
  /** Postal code. */
  readonly postalCode: string | null;
  /** The country's name or code, as the shop writes it. */
  readonly country: string;
};

/** How something is paid. */
export type PaymentMethod = {
  /** The kind: card, invoice, voucher… */
  readonly type: string;
  /** The card, by the token that the shop has for it. */
  readonly cardId: string | null;
};

/** A customer has placed an order. */
export type OrderCreated = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId: string | null;
  /** The lines of the order. */
  readonly items: readonly Item[];
  /** Sum of quantity times unit price over all lines. */
  readonly total: Money;
  /** Where the goods go. */
  readonly shippingAddress: Address;
  /** How the order is paid. */
  readonly paymentMethod: PaymentMethod;
};

/** An order is paid in full. */
export type OrderPaid = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId: string | null;
  /** The payment that settled it. */
  readonly paymentId: string | null;
  /** What was paid. */
  readonly amount: Money;
};

/** A parcel of an order has left the warehouse. */
export type OrderShipped = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId: string | null;
  /** Who carries it. */
  readonly carrier: string;
  /** The carrier's number of the parcel. */
  readonly trackingNumber: string | null;
  /** What is in the parcel; null for the whole order. */
  readonly items: readonly Item[] | null;
  /** When it should arrive. Milliseconds since the epoch, UTC. */
  readonly estimatedDelivery: number | null;
};

/** A parcel of an order has reached its address. */
export type OrderDelivered = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId: string | null;
  /** Who carried it. */
  readonly carrier: string | null;
  /** The carrier's number of the parcel. */
  readonly trackingNumber: string | null;
  /** Who took it in. */
  readonly receivedBy: string | null;
};

/** An order, or some of its lines, is called off; the goods are back in stock. */
export type OrderCancelled = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId: string | null;
  /** The lines that are called off, with positive quantities. */
  readonly items: readonly Item[];
  /** Sum of quantity times unit price over the cancelled lines. */
  readonly total: Money;
  /** Where the goods were to go. */
  readonly shippingAddress: Address;
  /** Why, in words. */
  readonly reason: string | null;
};

/** The customer of an order has got money back. */
export type OrderRefunded = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId: string | null;
  /** What was given back. */
  readonly amount: Money;
  /** The lines it was for; null if for none in particular. */
  readonly items: readonly Item[] | null;
  /** Why, in words. */
  readonly reason: string | null;
};

/** A card is about to be charged. */
export type PaymentAttempted = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. */
  readonly cardId: string;
  /** What is to be paid. */
  readonly amount: Money;
  /** The kind of payment. */
  readonly method: string | null;
};

/** The bank has granted a payment. */
export type PaymentAuthorized = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. */
  readonly cardId: string;
  /** What is to be paid. */
  readonly amount: Money;
  /** The bank's code. */
  readonly authorizationCode: string | null;
};

/** The bank has refused a payment. */
export type PaymentDeclined = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. */
  readonly cardId: string;
  /** What is to be paid. */
  readonly amount: Money;
  /** The bank's reason. */
  readonly reason: string;
};

/** A payment has been given back, wholly or in part. */
export type PaymentRefunded = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. */
  readonly cardId: string;
  /** What was given back. */
  readonly amount: Money;
  /** Why, in words. */
  readonly reason: string | null;
};

/** Goods have come in. */
export type InventoryReceived = {
  /** The article. */
  readonly sku: string;
  /** Units that came in. */
  readonly quantity: number;
  /** Who delivered them. */
  readonly vendorId: string | null;
  /** Where they lie. */
  readonly warehouseId: string | null;
};

/** A count has put a stock level right. */
export type InventoryAdjusted = {
  /** The article. */
  readonly sku: string;
  /** Units more (positive) or fewer (negative). */
  readonly delta: number;
  /** Why, in words. */
  readonly reason: string;
  /** Where they lie. */
  readonly warehouseId: string | null;
};

/** Units of an article are set aside for an order. */
export type InventoryReserved = {
  /** The article. */
  readonly sku: string;
  /** The order's number. */
  readonly orderId: string;
  /** Units set aside. */
  readonly quantity: number;
  /** Units left after it. */
  readonly level: number;
};

/** An order asked for more units than there are; none were set aside. */
export type InventoryRefused = {
  /** The article. */
  readonly sku: string;
  /** The order's number. */
  readonly orderId: string;
  /** Units asked for. */
  readonly quantity: number;
  /** Units there were. */
  readonly level: number;
  /** Why, in words. */
  readonly reason: string | null;
};

/** Units set aside for an order are free again. */
export type InventoryReleased = {
  /** The article. */
  readonly sku: string;
  /** The order's number. */
  readonly orderId: string;
  /** Units set free. */
  readonly quantity: number;
  /** Units there are after it. */
  readonly level: number;
};

/** How many units of an article there are now. */
export type InventoryLevel = {
  /** The article. */
  readonly sku: string;
  /** Units there are. */
  readonly level: number;
};

/** The stock of an article has fallen below its threshold. */
export type InventoryLow = {
  /** The article. */
  readonly sku: string;
  /** Units there are. */
  readonly level: number;
  /** The level below which stock is low. */
  readonly threshold: number;
};

/** Somebody has looked at an article. */
export type ProductViewed = {
  /** The article. */
  readonly sku: string;
  /** The customer, if known. */
  readonly customerId: string | null;
  /** Where the article stands in the shop. */
  readonly category: string | null;
  /** The price that was shown. */
  readonly price: Money | null;
  /** The page before. */
  readonly referrer: string | null;
};

/** Somebody has put an article into a cart. */
export type CartItemAdded = {
  /** The cart. */
  readonly cartId: string;
  /** The article. */
  readonly sku: string;
  /** Units put in. */
  readonly quantity: number;
  /** Price of one unit. */
  readonly unitPrice: Money;
  /** The customer, if known. */
  readonly customerId: string | null;
  /** Who sells it, in a market place. */
  readonly vendorId: string | null;
};

/** A cart was left without an order. */
export type CartAbandoned = {
  /** The cart. */
  readonly cartId: string;
  /** The customer, if known. */
  readonly customerId: string | null;
  /** What was in it. */
  readonly items: readonly Item[];
  /** What it was worth. */
  readonly total: Money;
  /** When something was last done in it. Milliseconds since the epoch, UTC. */
  readonly lastActivity: number | null;
};

/** Somebody has opened an account. */
export type CustomerRegistered = {
  /** The customer. */
  readonly customerId: string;
  /** Address for mail. */
  readonly email: string | null;
  /** Full name. */
  readonly name: string | null;
  /** Country of residence. */
  readonly country: string | null;
};

/** A customer has changed details of the account; null means unchanged. */
export type CustomerUpdated = {
  /** The customer. */
  readonly customerId: string;
  /** New address for mail. */
  readonly email: string | null;
  /** New full name. */
  readonly name: string | null;
  /** New country of residence. */
  readonly country: string | null;
};

/** A rule has found something suspicious. */
export type FraudAlert = {
  /** The rule that spoke. */
  readonly rule: string;
  /** The card or customer it is about. */
  readonly subject: string;
  /** The order that gave rise to it. */
  readonly orderId: string | null;
  /** When, in event time. Milliseconds since the epoch, UTC. */
  readonly at: number;
  /** What the rule saw, in words. */
  readonly detail: string | null;
};

/** Somebody is to be told something. */
export type NotificationRequested = {
  /** By which way. */
  readonly channel: "email" | "sms" | "push" | "webhook";
  /** Whom: a customer, an address or a team. */
  readonly recipient: string;
  /** Which text. */
  readonly template: string;
  /** What is filled into the text. */
  readonly parameters: { readonly [key: string]: string };
};

/** A part of the system could not do its work. */
export type SystemError = {
  /** The error's stable code. */
  readonly code: string;
  /** What happened, in words. */
  readonly message: string;
  /** Which node of the topology. */
  readonly node: string | null;
  /** How bad it is. */
  readonly severity: "info" | "warning" | "error" | "critical";
};

/** What every event says about itself. */
export type EventEnvelope = {
  /** Names the event; sent twice, it counts once. A UUIDv7 is recommended. */
  readonly eventId: string;
  /** Version of the event's schema. */
  readonly eventVersion: string;
  /** Who says so: an application or a shop. */
  readonly source: string;
  /** When it happened. In JSON RFC 3339 with a zone. Milliseconds since the epoch, UTC. */
  readonly timestamp: number;
  /** Shared by all events that one cause set off. */
  readonly correlationId: string | null;
  /** The event that this one follows from. */
  readonly causationId: string | null;
  /** Where the event comes from. */
  readonly metadata: Metadata;
};

/** The data of each event type. */
export type EventTypes = {
  readonly "order.created": OrderCreated;
  readonly "order.paid": OrderPaid;
  readonly "order.shipped": OrderShipped;
  readonly "order.delivered": OrderDelivered;
  readonly "order.cancelled": OrderCancelled;
  readonly "order.refunded": OrderRefunded;
  readonly "payment.attempted": PaymentAttempted;
  readonly "payment.authorized": PaymentAuthorized;
  readonly "payment.declined": PaymentDeclined;
  readonly "payment.refunded": PaymentRefunded;
  readonly "inventory.received": InventoryReceived;
  readonly "inventory.adjusted": InventoryAdjusted;
  readonly "inventory.reserved": InventoryReserved;
  readonly "inventory.refused": InventoryRefused;
  readonly "inventory.released": InventoryReleased;
  readonly "inventory.level": InventoryLevel;
  readonly "inventory.low": InventoryLow;
  readonly "product.viewed": ProductViewed;
  readonly "cart.item_added": CartItemAdded;
  readonly "cart.abandoned": CartAbandoned;
  readonly "customer.registered": CustomerRegistered;
  readonly "customer.updated": CustomerUpdated;
  readonly "fraud.alert": FraudAlert;
  readonly "notification.requested": NotificationRequested;
  readonly "system.error": SystemError;
};
