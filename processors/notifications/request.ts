import { z } from "zod";
import { defineProcessor, mapValue, windowStore } from "@millrace/engine";
import { eventOutput, recordInput } from "../commerce-port.ts";
import { duration } from "../duration.ts";
import { recentAttemptsCodec } from "../fraud/recent-attempts.ts";
import { slidingSpan } from "../fraud/sliding-span.ts";
import { atMostWithin } from "./at-most-within.ts";

const config = z.strictObject({
  channel: z.enum(["email", "sms", "push", "webhook"]).default("email").meta({ description: "By which way people are told." }),
  limit: z
    .int()
    .positive()
    .max(500)
    .meta({ description: "Notifications that one recipient is sent within the span; more are dropped.", examples: [5] }),
  within: duration.meta({ description: "The span that is looked back on, in event time.", examples: ["1h"] }),
});

export const requestNotification = defineProcessor({
  name: "notifications/request",
  summary: "Asks for a notification of each notice, at most `limit` a recipient within a sliding span.",
  config,
  inputs: { notices: recordInput({ recipient: "string", template: "string", about: "string", detail: "string" }, { key: "recipient" }) },
  outputs: { requested: eventOutput("notification.requested") },
  stores: () => ({ recent: windowStore(recentAttemptsCodec) }),
  run: ({ notices }, { recent }, { channel, limit, within }, context) => ({
    requested: notices.pipe(
      atMostWithin(recent, slidingSpan(recent, within, context), limit),
      mapValue(({ recipient, template, about, detail }) => ({ channel, recipient, template, parameters: { about, detail } })),
    ),
  }),
});
