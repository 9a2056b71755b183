import { problemSlugs } from "#gateway/problem.ts";
import { Definitions } from "#schemas/json/json-schema.ts";
import type { House, Route } from "../house.ts";
import { gatewayProblem, type Part, problemAnswer, queryProblem } from "./answers.ts";
import { eventSchemas, postOperation, postProblems } from "./event-operations.ts";
import { houseOperations, houseSchemas } from "./house-operations.ts";
import { catalogueOperation, pullOperation, querySchemas, streamOperation } from "./query-operations.ts";

export type OpenApi = {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string } & Part;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Part>> } & Part;
} & Part;

export type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Part[];
  readonly requestBody?: Part;
  readonly responses: Part;
} & Part;

const tags: Readonly<Record<string, string>> = {
  Events: "Events in.",
  Queries: "Results as they stand.",
  Streams: "Results as they change.",
  Schemas: "What events look like.",
  Topology: "What becomes of events, and how far it is.",
  Health: "For those who keep it running.",
  Handbook: "What is served, and what to do when something is refused.",
};

/** Pages and what they load, and what processes ask each other. */
const forNobody = /^\/(console\/.*|docs(\/.*)?|internal\/.*)?$/;

/**
 * The OpenAPI document of a process: the routes that it has, the queries of its topology, the events of its schemas, the problems that it answers.
 * A route that nothing is said about shows as such. [H1]
 */
export function openapiOf(house: House, version: string): OpenApi {
  const definitions = new Definitions("#/components/schemas/");
  const schemas = { ...eventSchemas(house.limits, definitions), ...querySchemas(house.catalogue), ...houseSchemas } as Readonly<
    Record<string, Part>
  >;
  return {
    openapi: "3.1.0",
    info: {
      title: `Millrace: ${house.topology}`,
      version,
      description: "Post events, ask for results, watch them change.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: pathsOf(house),
    components: {
      schemas: { ...schemas, ...definitions.schemas },
      responses: { AnyRequest: problemAnswer([...anyRequest, ...anyQuery]) },
      ...(house.keyed
        ? { securitySchemes: { key: { type: "http", scheme: "bearer", description: "A secret key of this gateway." } } }
        : {}),
    },
  };
}

/** What any request can be refused with, before a route looks at it or since there is none. */
const anyRequest = problemSlugs.filter((slug) => !postProblems.includes(slug)).map(gatewayProblem);
const anyQuery = (["unknown-query", "method-not-allowed"] as const).map(queryProblem);

function pathsOf(house: House): OpenApi["paths"] {
  const paths: Record<string, Record<string, Operation>> = {};
  const add = (path: string, method: string, operation: Part): void => {
    const told = operation as Operation;
    const responses = { ...told.responses, default: { $ref: "#/components/responses/AnyRequest" } };
    paths[path] = { ...paths[path], [method]: { ...told, responses } };
  };
  const others = houseOperations(house);
  for (const { method, path } of served(house)) {
    if (path === "/v1/events") {
      if (house.takesEvents) add(path, method, postOperation(house));
    } else if (path === "/v1/queries") add(path, method, catalogueOperation);
    else if (path === "/v1/queries/:name")
      for (const entry of house.catalogue) add(`${path.slice(0, -5)}${pathPart(entry.name)}`, method, pullOperation(entry));
    else if (path === "/v1/queries/:name/stream") {
      if (house.streamed)
        for (const entry of house.catalogue) add(`/v1/queries/${pathPart(entry.name)}/stream`, method, streamOperation(entry));
    } else add(path.replaceAll(/:(\w+)/g, "{$1}"), method, others[path] ?? untold(method, path));
  }
  return paths;
}

/** Routes that answer something of their own, once each; those for all methods only refuse. */
function served({ routes }: House): readonly Route[] {
  const seen = new Set<string>();
  return routes().flatMap(({ method, path }) => {
    const route = { method: method.toLowerCase(), path };
    const name = `${route.method} ${path}`;
    if (route.method === "all" || forNobody.test(path) || seen.has(name)) return [];
    seen.add(name);
    return [route];
  });
}

const untold = (method: string, path: string): Part => ({
  operationId: `untold_${method}_${path.replaceAll(/\W/g, "_")}`,
  tags: ["Handbook"],
  summary: "A route of this process that its handbook does not know",
  responses: {},
});

const pathPart = (name: string): string => encodeURIComponent(name);
