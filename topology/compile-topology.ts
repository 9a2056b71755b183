import type { Plan, Processor } from "@millrace/engine";
import type { RecordType } from "#schemas/field-type.ts";
import { checkTopology } from "./check/check-topology.ts";
import type { DeliveryPlan } from "./delivery/delivery-plan.ts";
import type { Elaboration } from "./check/elaboration.ts";
import { type Hops, hopsOf } from "./plan/hops.ts";
import { layOut, makePlan } from "./plan/make-plan.ts";
import { type QueryPlan, queryPlan } from "./plan/query-plan.ts";
import type { Environment } from "./parse/secrets.ts";
import { parseTopology } from "./parse/parse-topology.ts";
import { describeTopology } from "./plan/describe.ts";
import { graphOf, type TopologyGraph } from "./plan/graph.ts";
import { isError, problemList, type TopologyProblem } from "./topology-error.ts";

export type CompileOptions = {
  /** What `use:` may name. */
  readonly processors: readonly Processor[];
  /** Name of the file in places; `topology.yaml` when left out. */
  readonly file?: string;
  /** For `${NAME}`; nothing is set when left out. */
  readonly environment?: Environment;
  /** Takes the place of every number of partitions that the file does not say. */
  readonly partitions?: number;
};

export type Compiled = {
  readonly plan: Plan;
  /** In the order of their names. */
  readonly queries: readonly QueryPlan[];
  /** The plan in words: sub-topologies, nodes, topics, stores, hops. */
  readonly description: string;
  readonly hops: readonly Hops[];
  /** The plan as vertices and edges, for whoever draws it. */
  readonly graph: TopologyGraph;
  /** Types of the records in topics that the file declares or its nodes write; all other topics hold events. */
  readonly recordTypes: ReadonlyMap<string, RecordType>;
  /** What leaves the log by sinks; nothing of it is part of the plan, and a test runs without them. */
  readonly deliveries: readonly DeliveryPlan[];
};

/** `compiled` is there when no problem is an error; problems are in the order of the file. */
export type Compilation = { readonly problems: readonly TopologyProblem[]; readonly compiled: Compiled | undefined };

/** Compiles a topology file: parse → check → plan → describe. All mistakes come at once. [Y1] */
export function compileTopology(
  text: string,
  { processors, file = "topology.yaml", environment = {}, partitions }: CompileOptions,
): Compilation {
  const { report, sorted } = problemList();
  const syntax = parseTopology(text, file, report);
  if (syntax === undefined) return { problems: sorted(), compiled: undefined };
  const elaboration = checkTopology(syntax, { processors, environment, partitions }, report);
  const layout = layOut(elaboration);
  const hops = hopsOf(elaboration);
  const problems = sorted();
  if (problems.some(isError)) return { problems, compiled: undefined };
  const plan = makePlan(elaboration, layout);
  const queries = elaboration.queries.map((draft) => queryPlan(draft, layout.groups)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    problems,
    compiled: {
      plan,
      queries,
      hops,
      deliveries: elaboration.deliveries.map((draft) => ({ ...draft, partitions: layout.partitionsOf(draft.topic) })),
      graph: graphOf(elaboration, { ...layout, plan, queries }),
      recordTypes: recordTypesOf(elaboration),
      description: describeTopology(elaboration, { ...layout, plan, queries, hops }),
    },
  };
}

function recordTypesOf({ topics, written, repartitions }: Elaboration): ReadonlyMap<string, RecordType> {
  const types = new Map<string, RecordType>(repartitions.map(({ topic, type }) => [topic, type]));
  for (const [topic, { type, event }] of written) if (event === undefined && type.kind === "record") types.set(topic, type);
  for (const [topic, { holds }] of topics) if (holds?.kind === "record") types.set(topic, holds.type);
  return types;
}
