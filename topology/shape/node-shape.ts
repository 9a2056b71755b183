import { z } from "zod";
import {
  aggregateCall,
  binding,
  choice,
  count,
  duration,
  durationOrNone,
  expression,
  fields,
  kebab,
  name,
  text,
  texts,
} from "./scalars.ts";

/** Words that stand for something else where a node may be named. */
export const reservedIds: readonly string[] = ["key", "in", "out", "dlq"];
export const lateWords = ["drop", "dead-letter"] as const;
export const emitWords = ["update", "final"] as const;
/** Members that a ranking may show of a group. */
export const mostRanks = 10_000;

/** Of a window on an aggregate. */
export const windowShape = z
  .strictObject({
    tumbling: duration("Length of the windows. They lie side by side, on the clock of UTC: `1d` begins at midnight.", "1m", "1h", "1d"),
    grace: durationOrNone(
      "How long to wait for records behind the end of a window. What comes later is late, and counted. Say `0s` for not at all.",
      "30s",
    ).optional(),
    retain: durationOrNone("How long windows that have closed can still be asked for.", "1d", "30d", "400d").optional(),
  })
  .meta({ description: "Folds by spans of event time. Without a window every key is kept for ever." });

export const dedupeShape = z
  .strictObject({
    by: expression("What makes two records the same.", "eventId"),
    within: duration("How long an id is remembered.", "24h"),
    late: choice(
      lateWords,
      "What becomes of records older than `within`: dropped and counted (as is when left out), or to the dead letters.",
    ).optional(),
  })
  .meta({ description: "Lets the first record of each id through." });

export const requireShape = z
  .strictObject({
    that: expression("What must hold.", 'data.total > money("0.00", "GBP")'),
    reason: name("The reason that stands on the dead letter: kebab-case, as in `total-mismatch`."),
  })
  .meta({ description: "Sends records that do not hold to the dead letters, under this reason." });

export const flatMapShape = z
  .strictObject({
    each: expression("The list.", "data.items"),
    as: binding("The name of the element in `select` and `where`.", "item"),
    select: fields(expression("What this field holds."), "The fields of each record that comes of it, by name.").optional(),
    where: expression("Leaves out elements for which this does not hold.").optional(),
  })
  .meta({ description: "One record for each element of a list." });

export const namedKeyShape = z
  .strictObject({
    as: binding("The name of this part of the key, which rows show it under."),
    of: expression("What it holds."),
  })
  .meta({ description: "A part of the key under a name of its own." });

export const tableShape = z.strictObject({
  by: texts({ description: "What tells rows apart.", holds: "expression" }),
});

export const topShape = z
  .strictObject({
    by: texts({
      description: "What to rank by, the first first; `desc` behind it for the greatest first.",
      holds: "expression",
      examples: ["revenue desc"],
    }),
    limit: count("How many are shown of each key.", mostRanks),
    each: texts({
      description: "What tells members apart; of an aggregate's rows its own key and window.",
      holds: "expression",
    }).optional(),
  })
  .meta({ description: "Ranks the last row of each member within each key; asked for under the node's name. It gives nothing on." });

const source = { description: "A node, an output `node.output`, or a topic.", holds: "source" } as const;
const sources = texts(source);
const topic = text({
  description: "A topic: of events that of their schema, of results `analytics.…` or `audit.…`.",
  holds: "topic",
});
const keyPart = expression("What the records are regrouped by.", "data.shippingAddress.country");
const keyParts = z.union([keyPart, namedKeyShape]);

/** One entry of `nodes:`. Steps are taken in this order, however the file orders them. */
export const nodeShape = z
  .strictObject({
    from: z.union([...sources.options, z.record(z.string(), sources)]).meta({
      description:
        "Where records come from: a node, an output `node.output`, or a topic. A list merges them; of a processor with several inputs, a map of input to source.",
    }),
    dedupe: dedupeShape.optional(),
    where: expression("Drops records for which this does not hold.", "data.customerId != null").optional(),
    require: z
      .union([requireShape, z.array(requireShape)])
      .meta({ description: "Sends records that do not hold to the dead letters, under a reason; a list asks for all of it." })
      .optional(),
    select: fields(expression("What this field holds."), "Other fields in the place of those that came, by name.").optional(),
    flatMap: flatMapShape.optional(),
    branch: z
      .record(z.string().regex(kebab).max(64), expression("Which records go this way."))
      .meta({
        description: "Outputs by name: a record leaves by the first that holds. Others read them as `node.output`.",
        minProperties: 1,
      })
      .optional(),
    key: z
      .union([keyPart, namedKeyShape, z.array(keyParts).min(1)])
      .meta({
        description:
          "Regroups the records by this: an expression, `{ as, of }`, or a list of them. It is a way through the log, and costs a commit.",
      })
      .optional(),
    window: windowShape.optional(),
    aggregate: fields(
      aggregateCall,
      "Folds the records of each key into one row, a column a function. The rows can be asked for under the node's name.",
    ).optional(),
    emit: choice(
      emitWords,
      "`update` (as is when left out) gives every change of a window, `final` each window once, when it has closed.",
    ).optional(),
    late: choice(
      lateWords,
      "What becomes of records whose window has closed: dropped and counted (as is when left out), or to the dead letters.",
    ).optional(),
    table: z
      .union([z.boolean(), tableShape])
      .meta({
        description: "Keeps the last value of each key (`true`), or of what `by` names. The rows can be asked for under the node's name.",
      })
      .optional(),
    top: topShape.optional(),
    use: text({ description: "A processor, written in TypeScript.", holds: "processor" }).optional(),
    with: z.unknown().meta({ description: "Settings of the processor. `${NAME}` takes a value from the environment." }).optional(),
    to: z
      .union([topic, z.record(z.string(), topic)])
      .meta({ description: "Writes what leaves the node to a topic; of several outputs, a map of output to topic." })
      .optional(),
  })
  .meta({ description: "A node: reads topics or other nodes, does something to each record, and keeps or writes the result." });

/** Steps that cannot stand beside others; those that may be there and mean nothing are not among them. */
export const neverBeside: readonly {
  readonly step: keyof typeof nodeShape.shape;
  readonly never: readonly (keyof typeof nodeShape.shape)[];
}[] = [
  { step: "use", never: ["dedupe", "where", "select", "flatMap", "branch", "key", "window", "aggregate", "emit", "late", "top"] },
  { step: "branch", never: ["select", "flatMap", "key", "aggregate", "top"] },
  { step: "select", never: ["flatMap"] },
  { step: "aggregate", never: ["top"] },
];

/** Steps that mean nothing without another. */
export const onlyBeside: Readonly<Record<string, readonly string[]>> = { window: ["aggregate"], emit: ["window"], late: ["window"] };
