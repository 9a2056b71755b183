import * as dagre from "@dagrejs/dagre";
// @ts-expect-error -- a plain module, as browsers take it: the live page draws by it
import { layOut, pathOf as pathAlong } from "#console/assets/topology/layout.js";
import type { GraphRef, TopologyGraph } from "#topology/plan/graph.ts";

export type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
export type Run = { readonly from: number; readonly to: number; readonly y: number };
export type Places = {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<GraphRef, Box>;
  readonly groups: readonly (Box & { readonly id: string })[];
  readonly edges: readonly { readonly runs: readonly Run[] }[];
};
export type Size = { readonly width: number; readonly height: number };

/** What a drawing needs: the sizes of its boxes, and so much between two columns. */
export type Measures = { readonly sizeOf: (ref: GraphRef) => Size; readonly gap: number };

/** Where everything stands, as on the live page, by measures of one's own. */
export function placesOf(graph: TopologyGraph, measures: Measures): Places {
  return (layOut as (graph: TopologyGraph, library: object, measures: Measures) => Places)(graph, dagre, measures);
}

/** The line along level pieces, as the path of an SVG. */
export const pathOf = pathAlong as (runs: readonly Run[]) => string;
