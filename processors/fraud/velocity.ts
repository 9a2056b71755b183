import { filter } from "rxjs";
import { z } from "zod";
import { defineProcessor, mapValue, windowStore } from "@millrace/engine";
import { eventInput, eventOutput } from "../commerce-port.ts";
import { duration, formatDuration } from "../duration.ts";
import { countWithin } from "./count-within.ts";
import { onceWithin } from "./once-within.ts";
import { recentAttemptsCodec } from "./recent-attempts.ts";
import { slidingSpan } from "./sliding-span.ts";

const config = z.strictObject({
  limit: z
    .int()
    .positive()
    .max(500)
    .meta({ description: "Attempts that a card may have within the span; the next one alerts.", examples: [3] }),
  within: duration.meta({ description: "The span that is looked back on, in event time.", examples: ["1h"] }),
});

export const velocity = defineProcessor({
  name: "fraud/velocity",
  summary: "Alerts when one card is tried more often than `limit` within a sliding span, once a span.",
  config,
  inputs: { attempts: eventInput("payment.attempted", { key: "cardId", reads: ["cardId", "orderId"] }) },
  outputs: { alerts: eventOutput("fraud.alert") },
  stores: () => ({ recent: windowStore(recentAttemptsCodec) }),
  run: ({ attempts }, { recent }, { limit, within }, context) => {
    const span = slidingSpan(recent, within, context);
    return {
      alerts: attempts.pipe(
        countWithin(recent, span),
        filter(({ count }) => count > limit),
        onceWithin(recent, span),
        mapValue(({ value: { data }, count }, { timestamp }) => ({
          rule: "card-velocity",
          subject: data.cardId,
          orderId: data.orderId,
          at: timestamp,
          detail: `${count} attempts within ${formatDuration(within)}`,
        })),
      ),
    };
  },
});
