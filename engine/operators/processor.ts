import type { Observable } from "rxjs";
import type { StoreOf, StoreSpec } from "#state/store.ts";
import { nodeContext, type NodeContext } from "./context.ts";
import type { BoundProcessor } from "./node.ts";

declare const carried: unique symbol;

/**
 * What flows into or out of a processor. `event` names an event type: inputs get the whole event, outputs give its `data` and the compiler puts the
 * envelope around it. `record` describes the fields of a record made by other nodes, in the compiler's words for types (`"string"`, `"int"`, `"money"` …).
 * `key` is the field that must be the record's key, e.g. `sku`; the compiler refuses an edge keyed otherwise. `reads` lists the paths that are read
 * (all, when left out), so that only they are decoded.
 */
export type Port<T> = {
  readonly shape:
    | { readonly kind: "event"; readonly event: string }
    | { readonly kind: "record"; readonly fields: Readonly<Record<string, string>> };
  readonly key?: string;
  readonly reads?: readonly string[];
  readonly optional?: boolean;
  readonly [carried]?: T;
};
type ValueOf<P> = P extends Port<infer T> ? T : never;

type Ports = Readonly<Record<string, Port<unknown>>>;
type Streams<P extends Ports> = { readonly [K in keyof P]: Observable<ValueOf<P[K]>> };
type Stores = Readonly<Record<string, StoreSpec>>;

/** A schema of the `with:` block: zod's shape, so that the engine needs no zod. */
export type ConfigSchema<C> = { parse(input: unknown): C };

/** One declaration of a processor: its name, what it takes, gives and remembers, and what it does. */
export type ProcessorDefinition<C = unknown, I extends Ports = Ports, O extends Ports = Ports, S extends Stores = Stores> = {
  /** `room/name`, as a topology's `use:` says it. */
  readonly name: string;
  readonly summary: string;
  readonly config: ConfigSchema<C>;
  readonly inputs: I;
  readonly outputs: O;
  readonly stores: (config: C) => S;
  readonly run: (inputs: Streams<I>, stores: { readonly [K in keyof S]: StoreOf<S[K]> }, config: C, context: NodeContext) => Streams<O>;
};

/** A processor as the compiler and the registry see it. */
export type Processor = {
  readonly name: string;
  readonly summary: string;
  readonly config: ConfigSchema<unknown>;
  readonly inputs: Ports;
  readonly outputs: Ports;
  /** Stores by name, for a checked configuration. */
  readonly storesOf: (config: unknown) => Stores;
  /** Puts a configuration in. @throws what `config.parse` throws */
  readonly bind: (config: unknown) => BoundProcessor;
};

export function defineProcessor<C, const I extends Ports, const O extends Ports, const S extends Stores>(
  definition: ProcessorDefinition<C, I, O, S>,
): Processor {
  const { name, summary, config, inputs, outputs, stores, run } = definition;
  return {
    name,
    summary,
    config,
    inputs,
    outputs,
    storesOf: (settings) => stores(config.parse(settings)),
    bind: (settings) => {
      const checked = config.parse(settings);
      const specs = stores(checked);
      return {
        name,
        stores: specs,
        inputs: Object.keys(inputs),
        outputs: Object.keys(outputs),
        // The compiler has matched ports and stores by name; their types were checked where the processor was defined.
        build: (streams, open, context) =>
          run(streams as Streams<I>, open as unknown as { readonly [K in keyof S]: StoreOf<S[K]> }, checked, context) as Readonly<
            Record<string, Observable<unknown>>
          >,
      };
    },
  };
}

/** The context of the node in whose `run` this is called. */
export const contextOfNode: () => NodeContext = nodeContext;
