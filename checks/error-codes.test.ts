import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { brokerErrorCodes } from "#engine/broker/broker-error.ts";
import { clusterUrlErrorCodes } from "#engine/broker/kafka/wire/cluster-url-error.ts";
import { sinkErrorCodes } from "#cli/sinks/sink-refused.ts";
import { dlqErrorCodes } from "#cli/dlq/dlq-error.ts";
import { clientCodes } from "../client/millrace-error.ts";
import { replayErrorCodes } from "#cli/replay/replay-error.ts";
import { devCodes } from "#cli/dev/dev-codes.ts";
import { runCodes } from "#cli/run/run-codes.ts";
import { queryErrorCodes } from "#queries/query-error.ts";
import { unavailableCodes } from "#queries/query-request.ts";
import { queryProblemSlugs } from "#queries/problem.ts";
import { clusterErrorCodes } from "#infra/kafka/cluster-error.ts";
import { loadErrorCodes } from "../load-tests/load-error.ts";
import { schemaErrorCodes } from "#schemas/schema-error.ts";
import { topologyCodes } from "#topology/topology-error.ts";
import { rejectionCodes, retryCodes, warningCodes } from "#gateway/event-codes.ts";
import { problemSlugs } from "#gateway/problem.ts";
import { postgresErrorCodes } from "#sinks/postgres/postgres-error.ts";
import { redisErrorCodes } from "#sinks/redis/redis-error.ts";
import { letterRefusals } from "#engine/delivery/letter-address.ts";
import { letterErrorCodes } from "#engine/delivery/letter-error.ts";
import { stateErrorCodes } from "../engine/state/state-error.ts";
import { workerErrorCodes } from "../engine/task/worker-error.ts";

/** Codes stand in the first cell of a table's row, in backquotes; two rooms may use one word, each in its own section. */
const sections = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8")
  .split(/^## /m)
  .map((section) => [...section.matchAll(/^\|\s*`([^`]+)`/gm)].map(([, code]) => code!));
const documented = sections.flat();
/** Reasons of dead letters stand where they are given. */
const reasons = new Set(
  globSync("{engine,processors,topology}/**/*.ts")
    .filter((file) => !/testing|\.test\.|node_modules/.test(file))
    .flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/(?:RecordError|deadLetter)\(\s*"([a-z-]+)"/g)].map(([, reason]) => reason!),
    ),
);
/** And those that the shipped topology gives. */
const ownReasons = [...readFileSync("topology/commerce.yaml", "utf8").matchAll(/reason: ([a-z-]+)/g)].map(([, reason]) => reason!);
const known = [
  ...brokerErrorCodes,
  ...clusterUrlErrorCodes,
  ...stateErrorCodes,
  ...workerErrorCodes,
  ...clusterErrorCodes,
  ...loadErrorCodes,
  ...schemaErrorCodes,
  ...topologyCodes,
  ...replayErrorCodes,
  ...dlqErrorCodes,
  ...letterErrorCodes,
  ...Object.keys(letterRefusals),
  ...devCodes,
  ...runCodes,
  ...sinkErrorCodes,
  ...clientCodes,
  ...queryErrorCodes,
  ...unavailableCodes,
  ...queryProblemSlugs,
  ...problemSlugs,
  ...rejectionCodes,
  ...retryCodes,
  ...warningCodes,
  ...postgresErrorCodes,
  ...redisErrorCodes,
  ...reasons,
  ...ownReasons,
];

test("every code is in docs/errors.md", () => {
  expect(known.filter((code) => !documented.includes(code))).toEqual([]);
});

test("docs/errors.md has no code that nothing uses, and none twice", () => {
  expect(documented.filter((code) => !(known as readonly string[]).includes(code))).toEqual([]);
  for (const codes of sections) expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
});
