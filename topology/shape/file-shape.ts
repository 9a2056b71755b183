import { z } from "zod";
import { nodeShape, reservedIds } from "./node-shape.ts";
import { sinkShape } from "./sink-shape.ts";
import { count, kebab, name, retention, text, topicName } from "./scalars.ts";

/** A topic can have no more. */
export const mostPartitions = 4096;

const partitions = count("Partitions of the topic. Topics that are read together have as many.", mostPartitions).optional();
const kept = retention("How long its records are kept, or `forever`.", "7d", "forever").optional();

/** What a file may say of a topic. */
export const topicShape = z
  .strictObject({
    partitions,
    retention: kept,
    fields: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
        text({ description: "The type of this field; `?` behind it if it may be null.", holds: "type" }),
      )
      .meta({ description: "What the records of this topic hold: names to types.", minProperties: 1 })
      .optional(),
    key: text({ description: "The field that is the key of the records." }).optional(),
  })
  .meta({ description: "A topic, where it is otherwise than its schema says, or of records that no schema knows." });

/** Of a topic of events, whose fields and key are those of their schema. */
export const eventTopicShape = z.strictObject({ partitions, retention: kept });

const nodeId = new RegExp(`^(?!(?:${reservedIds.join("|")})$)${kebab.source.slice(1)}`);

/**
 * A topology file. The readers in `parse/` take their fields, words and bounds from these shapes, and `editor/` makes the JSON Schema of them: a field
 * that is added here, with its description, is read, offered and explained.
 */
export const fileShape = z
  .strictObject({
    topology: name("The name of the topology: kebab-case. It stands in names of topics and groups, so another name begins anew."),
    topics: z
      .record(z.string().regex(topicName), topicShape)
      .meta({ description: "Topics, where they are otherwise than their schemas say." })
      .optional(),
    nodes: z.record(z.string().regex(nodeId).max(64), nodeShape).meta({
      description:
        "What happens to the records: nodes by their ids. Ids name stores, topics, metrics and queries, so a renamed node begins anew.",
      minProperties: 1,
    }),
    sinks: z
      .record(z.string().regex(kebab).max(64), sinkShape)
      .meta({ description: "Where records leave for other systems: sinks by their names." })
      .optional(),
  })
  .meta({ description: "A Millrace topology: what happens to the shop's events." });

/** Names of the fields of a map, in their order. */
export const fieldsOf = ({ shape }: z.ZodObject): readonly string[] => Object.keys(shape);
