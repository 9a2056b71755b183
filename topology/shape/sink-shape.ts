import { z } from "zod";
import type { SinkKind } from "../parse/syntax.ts";
import { choice, count, duration, expression, fields, text, texts } from "./scalars.ts";

export const tlsWords = ["implicit", "starttls", "none"] as const;
/** Calls or connections at a time that a sink may have. */
export const mostRequests = 64;
export const mostMailConnections = 50;
export const mostTableConnections = 64;
export const mostAttempts = 1000;

const environment = "`${NAME}` takes a value from the environment.";
const setting = (description: string, ...examples: readonly string[]) => text({ description: `${description} ${environment}`, examples });
const secretText = z
  .string()
  .regex(/^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/)
  .meta({ patternErrorMessage: "A secret never stands in the file: say the name of a variable of the environment, ${NAME}." });
const secret = (description: string) =>
  secretText.meta({ description: `${description} Secret: \`\${NAME}\` of the environment, and nothing else.` });
const content = (description: string) =>
  z.union([expression(description), fields(expression("What this field holds."), description)]).meta({ description });

const shapes = {
  webhook: z
    .strictObject({
      url: setting("Where to post to, by https: (or http: on this machine)."),
      secret: z
        .union([secretText, z.array(secretText).min(1)])
        .meta({
          description: "Signs requests as Standard Webhooks says; a list signs by each, while one is changed. Secret: `${NAME}` only.",
        })
        .optional(),
      body: content(
        "What is posted: an expression as text, or a map of expressions as JSON; left out, the whole value as JSON.",
      ).optional(),
      requests: count("Requests at a time.", mostRequests).optional(),
    })
    .meta({ description: "Posts each record to an address, signed, with its place in the log as idempotency key." }),
  slack: z
    .strictObject({
      webhook: secret("The address of an incoming webhook, which names its channel itself.").optional(),
      token: secret("The token of a bot; with `channel`.").optional(),
      channel: setting("The channel to say it in; with `token`.").optional(),
      text: expression("What is said. It is escaped as a whole: a record can call nobody."),
      every: duration("How long to wait between two messages.", "1s").optional(),
      api: setting("Another address of Slack's API, for tests.").optional(),
    })
    .meta({
      description: "Says records in Slack, at the pace of a channel.",
      anyOf: [{ required: ["webhook"] }, { required: ["token"] }],
      dependencies: { token: ["channel"], channel: ["token"] },
    }),
  email: z
    .strictObject({
      server: setting("The mail server, `host:port`; 587 where no port is said.", "smtp.example.com:587"),
      tls: choice(tlsWords, "Encryption from the first byte, by STARTTLS, or none.").optional(),
      ca: setting("A file of certificates to trust.").optional(),
      user: setting("The name of the login; with `password`.").optional(),
      password: secret("The password of the login; with `user`.").optional(),
      sender: setting("Who sends it.", "Shop <shop@example.com>"),
      to: expression("The address it goes to."),
      subject: expression("The subject."),
      text: expression("The text of the mail."),
      replyTo: expression("Where answers go.").optional(),
      unsubscribe: expression("The address that ends such mails.").optional(),
      connections: count("Connections at a time.", mostMailConnections).optional(),
    })
    .meta({ description: "Sends records as mail.", dependencies: { user: ["password"], password: ["user"] } }),
  sns: z
    .strictObject({
      topicArn: setting("The topic's ARN."),
      message: content(
        "What is published: an expression as text, or a map of expressions as JSON; left out, the whole value as JSON.",
      ).optional(),
      subject: expression("The subject, for subscriptions by mail.").optional(),
      attributes: fields(
        expression("The value of this attribute."),
        "Attributes for filter policies, beside eventType, correlationId and recordId.",
      ).optional(),
      endpoint: setting("Another address than Amazon's.").optional(),
    })
    .meta({ description: "Publishes records to Amazon SNS, ten a call. The login is found as Amazon's SDK finds it." }),
  postgres: z
    .strictObject({
      url: setting("The database."),
      schema: text({ description: "The schema of the table." }).optional(),
      table: text({ description: "The table: made where there is none, else checked." }),
      columns: fields(expression("What this column holds."), "Columns by name; left out, one for each field of the value.").optional(),
      key: texts({ description: "The columns that name a row." }),
      connections: count("Connections at a time.", mostTableConnections).optional(),
    })
    .meta({ description: "Keeps a table in PostgreSQL: a row a key, the newest record in it. A record without a value deletes its row." }),
  redis: z
    .strictObject({
      url: setting("The server."),
      user: setting("The name of the login.").optional(),
      password: secret("The password of the login.").optional(),
      prefix: setting("Stands in front of every key.").optional(),
      key: expression("The key in Redis; left out, that of the record.").optional(),
      value: content("What is kept: an expression as text, or a map of expressions as JSON; left out, the whole value as JSON.").optional(),
      fields: fields(expression("What this field holds."), "A hash of these fields, in the place of `value`.").optional(),
      ttl: duration("How long a key is kept after its last record.", "1d").optional(),
    })
    .meta({ description: "Keeps read models in Redis. A record without a value deletes its key." }),
};
/** What may stand under each kind of sink. */
export const sinkSettings: Readonly<Record<SinkKind, z.ZodObject>> = shapes;

const pause = duration("The first pause; each is twice the one before.", "1s").optional();
const most = duration("The longest pause.", "30s").optional();
export const retryShape = z
  .strictObject({ attempts: count("Attempts before a record goes to the dead letters.", mostAttempts).optional(), pause, most })
  .meta({ description: "How often a record is tried again, and after which pauses." });
export const breakerShape = z
  .strictObject({ failures: count("Failures in a row that open it.", mostAttempts).optional(), pause, most })
  .meta({ description: "When the other side is left alone for a while, and for how long." });

/** One entry of `sinks:`: one kind, and how it is delivered. */
export const sinkShape = z
  .strictObject({
    from: text({ description: "The topic that is delivered, or a node that writes one.", holds: "source" }),
    where: expression("Passes over records for which this does not hold.").optional(),
    webhook: shapes.webhook.optional(),
    slack: shapes.slack.optional(),
    email: shapes.email.optional(),
    sns: shapes.sns.optional(),
    postgres: shapes.postgres.optional(),
    redis: shapes.redis.optional(),
    retry: retryShape.optional(),
    breaker: breakerShape.optional(),
    timeout: duration("How long one call may take.", "30s").optional(),
  })
  .meta({ description: "A way out of the log: delivers records of a topic, in order a key, each at least once." });
