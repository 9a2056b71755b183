import { z } from "zod";
import { aggregateNames } from "../expressions/aggregate-function.ts";

/** What an editor may offer or say where a text stands; `editor/vocabulary.ts` knows it. Written to a shape's metadata under `holds`. */
export type Holding = "expression" | "aggregate" | "source" | "topic" | "processor" | "type";

/** The name of a node, a topology, a branch or a reason. */
export const kebab = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** The name of a field or of what is bound in an expression. */
export const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Words of lower case with `.` and `-` between them. */
export const topicName = /^[a-z0-9]+([.-][a-z0-9]+)*$/;

type About = { readonly description: string; readonly holds?: Holding; readonly examples?: readonly unknown[] };

// YAML reads `3` and `true` as no text, and the file's readers take them as they are written.
type Written = z.ZodUnion<readonly [z.ZodString, z.ZodNumber, z.ZodBoolean]>;
type Name = z.ZodUnion<readonly [z.ZodString, z.ZodBoolean]>;
const written: Written = z.union([z.string().regex(/\S/), z.number(), z.boolean()]);

/** Any text that is not empty. */
export const text = ({ examples, ...about }: About): Written => written.meta({ ...about, ...listed(examples) });

/** An expression in CEL. */
export const expression = (description: string, ...examples: readonly string[]): Written =>
  text({ description, holds: "expression", examples });

/** A text, or a list of them that is not empty. */
export const texts = (about: About): z.ZodUnion<readonly [Written, z.ZodArray<Written>]> => {
  const one = text(about);
  return z.union([one, z.array(one).min(1)]).meta({ description: about.description });
};

/** A kebab-case name of at most 64 characters. `true` is one, though YAML reads it as no text. */
export const name = (description: string): Name =>
  z
    .union([z.string().regex(kebab).max(64), z.boolean()])
    .meta({ description, patternErrorMessage: "A name is kebab-case, as in orders-by-day." });

export const binding = (description: string, ...examples: readonly string[]): Name =>
  z
    .union([z.string().regex(identifier), z.boolean()])
    .meta({ description, patternErrorMessage: "Letters, digits and _, and no digit first.", ...listed(examples) });

// Units fall, each at most once, as `parseDuration` reads them.
const span = String.raw`(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?$`;
const units = "Units: ms, s, m, h, d, in falling order: `250ms`, `30s`, `1h30m`, `7d`.";

const noDuration = "A duration has a unit: 250ms, 30s, 1m, 24h, 7d, 1h30m.";

/** A duration above 0. */
export const duration = (description: string, ...examples: readonly string[]): z.ZodString =>
  z
    .string()
    .regex(new RegExp(String.raw`^(?=.*[1-9])${span}`))
    .meta({ description: `${description}\n\n${units}`, ...listed(examples), patternErrorMessage: noDuration });

/** A duration, which may be `0s`. */
export const durationOrNone = (description: string, ...examples: readonly string[]): z.ZodString =>
  z
    .string()
    .regex(new RegExp(String.raw`^(?=\d)${span}`))
    .meta({ description: `${description}\n\n${units}`, ...listed(examples), patternErrorMessage: noDuration });

export const retention = (description: string, ...examples: readonly string[]): z.ZodString =>
  z
    .string()
    .regex(new RegExp(String.raw`^(?:forever$|(?=.*[1-9])${span})`))
    .meta({ description: `${description}\n\n${units}`, ...listed(examples), patternErrorMessage: noDuration });

/** A count of at least 1; in quotes it is one as well. */
export const count = (description: string, most: number): z.ZodUnion<readonly [z.ZodInt, z.ZodString]> =>
  z.union([z.int().min(1).max(most), z.string().regex(/^\d+$/)]).meta({ description: `${description} From 1 to ${most}.` });

export const choice = <const V extends readonly string[]>(words: V, description: string): z.ZodEnum<{ [W in V[number]]: W }> =>
  z.enum(words).meta({ description });

/** `function(expression)`; CEL's brackets, spaces and comments may stand around it. */
export const aggregateCall: z.ZodString = z
  .string()
  .regex(new RegExp(String.raw`^(?:[\s(.]|//[^\n]*\n)*(?:${aggregateNames.join("|")})(?:\s|//[^\n]*\n)*\(`))
  .meta({
    description: "How this column is folded.",
    holds: "aggregate",
    patternErrorMessage: `An aggregate is one of ${aggregateNames.join(", ")}, as in sum(units).`,
  });

/** Names of fields to what they hold, at least one. */
export const fields = <V extends z.ZodType>(value: V, description: string): z.ZodRecord<z.ZodString, V> =>
  z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), value).meta({ description, minProperties: 1 });

const listed = (examples: readonly unknown[] | undefined): { examples?: unknown[] } =>
  examples === undefined || examples.length === 0 ? {} : { examples: [...examples] };
