import { z } from "zod";
import { choice, count, duration, expression, fields, text, texts } from "./scalars.ts";

export const tlsWords = ["implicit", "starttls", "none"] as const;
/** The most of what may be counted of a sink: attempts, failures. */
export const mostTries = 1000;
export const mostRequests = 64;
export const mostMailConnections = 50;
export const mostTableConnections = 64;

const setting = (description: string, ...examples: readonly string[]) =>
  text({ description: `${description} \`\${NAME}\` in it takes a value from the environment.`, examples });

const secret = (description: string) =>
  z
    .string()
    .regex(/^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/)
    .meta({
      description: `${description} Secret: \`\${NAME}\`, a variable of the environment, and nothing else.`,
      patternErrorMessage: "A secret is the name of a variable of the environment: ${NAME}.",
    });

const said = (description: string) => expression(`${description} An expression; texts stand in quotes of their own: \`'low stock'\`.`);

/** One text, or an object of several. */
const content = (description: string) =>
  z
    .union([expression("An expression: its text."), fields(expression("What this field holds."), "A JSON object of these fields.")])
    .meta({ description: `${description} The whole value as JSON when left out.` });

export const sinkShapes = {
  webhook: z
    .strictObject({
      url: setting("Where to post: by https, or by http on this machine.", "https://partner.example/events"),
      secret: z
        .union([secret("What requests are signed with."), z.array(secret("What requests are signed with.")).min(1)])
        .meta({
          description: "What requests are signed with (Standard Webhooks), as `${NAME}`; a list of two while one replaces the other.",
        })
        .optional(),
      body: content("What is posted.").optional(),
      requests: count("Requests at the same time for one partition.", mostRequests).optional(),
    })
    .meta({ description: "Posts each record to an address, signed." }),
  slack: z
    .strictObject({
      webhook: secret("The address of an incoming webhook, which names its channel itself.").optional(),
      token: secret("A token of Slack's interface, beside `channel`.").optional(),
      channel: setting("Where `token` says it.", "#fraud").optional(),
      text: said("What is said. It is escaped as a whole: a record calls nobody."),
      every: duration("The least time between two messages; 1s when left out.", "1s").optional(),
      api: setting("Another address of Slack's interface.").optional(),
    })
    .meta({ description: "Says each record in Slack, one message a second." }),
  email: z
    .strictObject({
      server: setting("The mail server, `host:port`.", "smtp.example.com:587"),
      tls: choice(tlsWords, "How the connection is secured. Off this machine it always is.").optional(),
      ca: setting("A file with the certificate that the server's is signed by.").optional(),
      user: setting("The name of the login, beside `password`.").optional(),
      password: secret("The password of the login.").optional(),
      sender: setting("Who it is from.", "Shop <shop@example.com>"),
      to: said("The address of one mailbox."),
      subject: said("The subject."),
      text: said("The text."),
      replyTo: said("Where answers go.").optional(),
      unsubscribe: said("An address by https where one is sent no more.").optional(),
      connections: count("Connections to the server at most.", mostMailConnections).optional(),
    })
    .meta({ description: "Sends each record as a mail." }),
  sns: z
    .strictObject({
      topicArn: setting("The topic.", "${LOW_STOCK_TOPIC_ARN}"),
      message: content("What is published.").optional(),
      subject: said("The subject, for those who get it by mail.").optional(),
      attributes: fields(
        expression("What this attribute says."),
        "Attributes beside `eventType`, `correlationId` and `recordId`, seven at most.",
      ).optional(),
      endpoint: setting("Another address than Amazon's.").optional(),
    })
    .meta({ description: "Publishes each record to Amazon SNS; the login is found as Amazon's SDK finds it." }),
  postgres: z
    .strictObject({
      url: setting("The database.", "${WAREHOUSE_URL}"),
      schema: text({ description: "The schema of the table." }).optional(),
      table: text({ description: "The table. It is made when it is missing, else compared and never altered." }),
      columns: fields(expression("What this column holds."), "Columns; each field of the value is one when left out.").optional(),
      key: texts({ description: "Which columns name a row." }),
      connections: count("Connections at most.", mostTableConnections).optional(),
    })
    .meta({ description: "Keeps the last row of each key in a table." }),
  redis: z
    .strictObject({
      url: setting("The server: `rediss://`, or `redis://` on this machine.", "${REDIS_URL}"),
      user: setting("The name of the login.").optional(),
      password: secret("The password of the login.").optional(),
      prefix: setting("What all keys begin with.", "sales:").optional(),
      key: said("The key; that of the record when left out.").optional(),
      value: content("What the key holds, as a string.").optional(),
      fields: fields(expression("What this field holds."), "A hash of these fields, in the place of `value`.").optional(),
      ttl: duration("How long a key lives behind its last record; for ever when left out.", "1d").optional(),
    })
    .meta({ description: "Keeps the last value of each key in Redis." }),
} as const;

const pauses = {
  pause: duration("The first pause; each next one is twice as long.", "50ms", "1s").optional(),
  most: duration("The longest pause.", "30s").optional(),
};
export const retryShape = z
  .strictObject({ attempts: count("How often a record is tried while others are delivered.", mostTries).optional(), ...pauses })
  .meta({ description: "How patiently a record is tried again. An outage uses up nobody's attempts." });
export const breakerShape = z
  .strictObject({ failures: count("Failed calls in a row until no call is made for a while.", mostTries).optional(), ...pauses })
  .meta({ description: "When the other side is left alone, and how long; then it is tried with one record." });

/** One entry of `sinks:`. It has one of the six kinds. */
export const sinkShape = z
  .strictObject({
    from: text({
      description: "What leaves: a node that writes to a topic, one of its outputs `node.output`, or a topic.",
      holds: "source",
    }),
    where: expression("Passes over records for which this does not hold.").optional(),
    webhook: sinkShapes.webhook.optional(),
    slack: sinkShapes.slack.optional(),
    email: sinkShapes.email.optional(),
    sns: sinkShapes.sns.optional(),
    postgres: sinkShapes.postgres.optional(),
    redis: sinkShapes.redis.optional(),
    retry: retryShape.optional(),
    breaker: breakerShape.optional(),
    timeout: duration("How long a call may take; 30s when left out.", "30s").optional(),
  })
  .meta({ description: "A way out of the log: each record of a topic, at least once, each key in order." });
