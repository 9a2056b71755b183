// Generated from the schema files by `node schemas/generate-types.ts`; a check fails when it drifts. Do not edit.

/** An amount of money: a plain decimal of at most four places, best as text, and its ISO 4217 code. */
export type Money = { readonly amount: string | number; readonly currency: string };

/** A time: a Date, or RFC 3339 with its zone. */
export type Time = Date | string;

/** A line of an order. */
export type Item = {
  /** The article. */
  readonly sku: string;
  /** The article's name. */
  readonly description?: string | null | undefined;
  /** Units. */
  readonly quantity: number;
  /** Price of one unit. */
  readonly unitPrice: Money;
  /** Who sells it, in a market place. */
  readonly vendorId?: string | null | undefined;
};

/** A postal address. */
export type Address = {
  /** Who lives there. */
  readonly name?: string | null | undefined;
  /** Street and number. */
  readonly line1?: string | null | undefined;
  /** Floor, flat or building. */
  readonly line2?: string | null | undefined;
  /** Town. */
  readonly city?: string | null | undefined;
  /** State, county or province. */
  readonly region?: string | null | undefined;
  /** Postal code. */
  readonly postalCode?: string | null | undefined;
  /** The country's name or code, as the shop writes it. */
  readonly country: string;
};

/** How something is paid. */
export type PaymentMethod = {
  /** The kind: card, invoice, voucher… */
  readonly type: string;
  /** The card, by the token that the shop has for it. */
  readonly cardId?: string | null | undefined;
};

/** A customer has placed an order. */
export type OrderCreated = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId?: string | null | undefined;
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
  readonly customerId?: string | null | undefined;
  /** The payment that settled it. */
  readonly paymentId?: string | null | undefined;
  /** What was paid. */
  readonly amount: Money;
};

/** A parcel of an order has left the warehouse. */
export type OrderShipped = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId?: string | null | undefined;
  /** Who carries it. */
  readonly carrier: string;
  /** The carrier's number of the parcel. */
  readonly trackingNumber?: string | null | undefined;
  /** What is in the parcel; null for the whole order. */
  readonly items?: readonly Item[] | null | undefined;
  /** When it should arrive. */
  readonly estimatedDelivery?: Time | null | undefined;
};

/** A parcel of an order has reached its address. */
export type OrderDelivered = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId?: string | null | undefined;
  /** Who carried it. */
  readonly carrier?: string | null | undefined;
  /** The carrier's number of the parcel. */
  readonly trackingNumber?: string | null | undefined;
  /** Who took it in. */
  readonly receivedBy?: string | null | undefined;
};

/** An order, or some of its lines, is called off; the goods are back in stock. */
export type OrderCancelled = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId?: string | null | undefined;
  /** The lines that are called off, with positive quantities. */
  readonly items: readonly Item[];
  /** Sum of quantity times unit price over the cancelled lines. */
  readonly total: Money;
  /** Where the goods were to go. */
  readonly shippingAddress: Address;
  /** Why, in words. */
  readonly reason?: string | null | undefined;
};

/** The customer of an order has got money back. */
export type OrderRefunded = {
  /** The order's number. */
  readonly orderId: string;
  /** The customer; null for a guest. */
  readonly customerId?: string | null | undefined;
  /** What was given back. */
  readonly amount: Money;
  /** The lines it was for; null if for none in particular. */
  readonly items?: readonly Item[] | null | undefined;
  /** Why, in words. */
  readonly reason?: string | null | undefined;
};

/** A card is about to be charged. */
export type PaymentAttempted = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. The event's key. */
  readonly cardId: string;
  /** What is to be paid. */
  readonly amount: Money;
  /** The kind of payment. */
  readonly method?: string | null | undefined;
};

/** The bank has granted a payment. */
export type PaymentAuthorized = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. The event's key. */
  readonly cardId: string;
  /** What is to be paid. */
  readonly amount: Money;
  /** The bank's code. */
  readonly authorizationCode?: string | null | undefined;
};

/** The bank has refused a payment. */
export type PaymentDeclined = {
  /** The payment. */
  readonly paymentId: string;
  /** The order's number. */
  readonly orderId: string;
  /** The card, by the token that the shop has for it. The event's key. */
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
  /** The card, by the token that the shop has for it. The event's key. */
  readonly cardId: string;
  /** What was given back. */
  readonly amount: Money;
  /** Why, in words. */
  readonly reason?: string | null | undefined;
};

/** Goods have come in. */
export type InventoryReceived = {
  /** The article. The event's key. */
  readonly sku: string;
  /** Units that came in. */
  readonly quantity: number;
  /** Who delivered them. */
  readonly vendorId?: string | null | undefined;
  /** Where they lie. */
  readonly warehouseId?: string | null | undefined;
};

/** A count has put a stock level right. */
export type InventoryAdjusted = {
  /** The article. The event's key. */
  readonly sku: string;
  /** Units more (positive) or fewer (negative). */
  readonly delta: number;
  /** Why, in words. */
  readonly reason: string;
  /** Where they lie. */
  readonly warehouseId?: string | null | undefined;
};

/** Units of an article are set aside for an order. */
export type InventoryReserved = {
  /** The article. The event's key. */
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
  /** The article. The event's key. */
  readonly sku: string;
  /** The order's number. */
  readonly orderId: string;
  /** Units asked for. */
  readonly quantity: number;
  /** Units there were. */
  readonly level: number;
  /** Why, in words. */
  readonly reason?: string | null | undefined;
};

/** Units set aside for an order are free again. */
export type InventoryReleased = {
  /** The article. The event's key. */
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
  /** The article. The event's key. */
  readonly sku: string;
  /** Units there are. */
  readonly level: number;
};

/** The stock of an article has fallen below its threshold. */
export type InventoryLow = {
  /** The article. The event's key. */
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
  readonly customerId?: string | null | undefined;
  /** Where the article stands in the shop. */
  readonly category?: string | null | undefined;
  /** The price that was shown. */
  readonly price?: Money | null | undefined;
  /** The page before. */
  readonly referrer?: string | null | undefined;
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
  readonly customerId?: string | null | undefined;
  /** Who sells it, in a market place. */
  readonly vendorId?: string | null | undefined;
};

/** A cart was left without an order. */
export type CartAbandoned = {
  /** The cart. */
  readonly cartId: string;
  /** The customer, if known. */
  readonly customerId?: string | null | undefined;
  /** What was in it. */
  readonly items: readonly Item[];
  /** What it was worth. */
  readonly total: Money;
  /** When something was last done in it. */
  readonly lastActivity?: Time | null | undefined;
};

/** Somebody has opened an account. */
export type CustomerRegistered = {
  /** The customer. The event's key. */
  readonly customerId: string;
  /** Address for mail. */
  readonly email?: string | null | undefined;
  /** Full name. */
  readonly name?: string | null | undefined;
  /** Country of residence. */
  readonly country?: string | null | undefined;
};

/** A customer has changed details of the account; null means unchanged. */
export type CustomerUpdated = {
  /** The customer. The event's key. */
  readonly customerId: string;
  /** New address for mail. */
  readonly email?: string | null | undefined;
  /** New full name. */
  readonly name?: string | null | undefined;
  /** New country of residence. */
  readonly country?: string | null | undefined;
};

/** A rule has found something suspicious. */
export type FraudAlert = {
  /** The rule that spoke. */
  readonly rule: string;
  /** The card or customer it is about. The event's key. */
  readonly subject: string;
  /** The order that gave rise to it. */
  readonly orderId?: string | null | undefined;
  /** When, in event time. */
  readonly at: Time;
  /** What the rule saw, in words. */
  readonly detail?: string | null | undefined;
};

/** Somebody is to be told something. */
export type NotificationRequested = {
  /** By which way. */
  readonly channel: "email" | "sms" | "push" | "webhook";
  /** Whom: a customer, an address or a team. The event's key. */
  readonly recipient: string;
  /** Which text. */
  readonly template: string;
  /** What is filled into the text. */
  readonly parameters?: { readonly [key: string]: string } | undefined;
};

/** A part of the system could not do its work. */
export type SystemError = {
  /** The error's stable code. */
  readonly code: string;
  /** What happened, in words. */
  readonly message: string;
  /** Which node of the topology. */
  readonly node?: string | null | undefined;
  /** How bad it is. */
  readonly severity: "info" | "warning" | "error" | "critical";
};

/** Where the event comes from. */
export type Metadata = {
  /** The visit that it happened in. */
  readonly sessionId?: string | null | undefined;
  /** Who was logged in. */
  readonly userId?: string | null | undefined;
  /** The browser, as it calls itself. */
  readonly userAgent?: string | null | undefined;
  /** Where the request came from. */
  readonly ipAddress?: string | null | undefined;
  /** Version of this envelope. */
  readonly schemaVersion?: string | null | undefined;
};

/** The data of each event type. */
export type EventData = {
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

export type EventType = keyof EventData;

/** Events whose key is the session: without one they are refused. */
export type KeyedBySession = "product.viewed" | "cart.item_added" | "cart.abandoned";

/** The version in which each event is posted. */
export const eventVersions: Readonly<Record<EventType, string>> = {
  "order.created": "1.0.0",
  "order.paid": "1.0.0",
  "order.shipped": "1.0.0",
  "order.delivered": "1.0.0",
  "order.cancelled": "1.0.0",
  "order.refunded": "1.0.0",
  "payment.attempted": "1.0.0",
  "payment.authorized": "1.0.0",
  "payment.declined": "1.0.0",
  "payment.refunded": "1.0.0",
  "inventory.received": "1.0.0",
  "inventory.adjusted": "1.0.0",
  "inventory.reserved": "1.0.0",
  "inventory.refused": "1.0.0",
  "inventory.released": "1.0.0",
  "inventory.level": "1.0.0",
  "inventory.low": "1.0.0",
  "product.viewed": "1.0.0",
  "cart.item_added": "1.0.0",
  "cart.abandoned": "1.0.0",
  "customer.registered": "1.0.0",
  "customer.updated": "1.0.0",
  "fraud.alert": "1.0.0",
  "notification.requested": "1.0.0",
  "system.error": "1.0.0",
};

/** Where the key of each event is: the first path that has a value. Events of one key keep their order. */
export const eventKeys: Readonly<Record<EventType, readonly string[]>> = {
  "order.created": ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
  "order.paid": ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
  "order.shipped": ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
  "order.delivered": ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
  "order.cancelled": ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
  "order.refunded": ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
  "payment.attempted": ["data.cardId"],
  "payment.authorized": ["data.cardId"],
  "payment.declined": ["data.cardId"],
  "payment.refunded": ["data.cardId"],
  "inventory.received": ["data.sku"],
  "inventory.adjusted": ["data.sku"],
  "inventory.reserved": ["data.sku"],
  "inventory.refused": ["data.sku"],
  "inventory.released": ["data.sku"],
  "inventory.level": ["data.sku"],
  "inventory.low": ["data.sku"],
  "product.viewed": ["metadata.sessionId"],
  "cart.item_added": ["metadata.sessionId"],
  "cart.abandoned": ["metadata.sessionId"],
  "customer.registered": ["data.customerId"],
  "customer.updated": ["data.customerId"],
  "fraud.alert": ["data.subject"],
  "notification.requested": ["data.recipient"],
  "system.error": ["source"],
};
