import type { Options, Scenario, Threshold } from "k6/options";
import type { Settings } from "../settings.ts";

const latencyBoundMs = 100;
/** Orders that are waited for a second, however many are posted. */
const shownPerSecond = 20;
/** Of the events that a shopper makes. */
export const ordersShare = 0.08;

/**
 * An open model: requests begin when they are due, whatever became of those before. A user waits for one answer at a time, so there must be users
 * for all requests that may be under way; when all of them wait, k6 drops what is due.
 */
const secondsOfUsers = 0.3;
const users = { least: 20, most: 300 } as const;

/** Scenarios and thresholds of the run, as k6 takes them. */
export function optionsFor({ scenario, batch, timings, visibleBy }: Settings): Options {
  const scenarios: Record<string, Scenario> = {};
  const thresholds: Record<string, Threshold[]> = {
    events_rejected: ["count==0"],
    events_unsettled: ["count==0"],
    ...(visibleBy === undefined ? {} : { not_shown: ["count==0"] }),
    ...(timings ? { dropped_iterations: ["count==0"] } : {}),
  };
  let startsAt = 0;
  for (const { name, seconds, eventsPerSecond, timed } of scenario.phases) {
    scenarios[name] = {
      ...arrivals({ perSecond: eventsPerSecond / batch, startsAt, seconds }),
      exec: "post",
      // Set once a user and scenario, since tags of a request's own cost each time anew.
      env: { PHASE: name },
      tags: { kind: "post", phase: name },
    };
    if (timed && timings) {
      thresholds[`http_req_duration{kind:post,phase:${name}}`] = [`p(95)<${latencyBoundMs}`];
      if (visibleBy !== undefined) thresholds[`shown{phase:${name}}`] = [`p(95)<${latencyBoundMs}`];
    }
    startsAt += seconds;
  }
  if (scenario.pullsPerSecond > 0) {
    scenarios["pulls"] = {
      ...arrivals({ perSecond: scenario.pullsPerSecond, startsAt: 0, seconds: startsAt }),
      exec: "pull",
      tags: { kind: "pull" },
    };
    thresholds["pulls_failed"] = ["count==0"];
  }
  return {
    scenarios,
    thresholds,
    // What k6 would do for every request, and nobody reads.
    systemTags: [],
    noCookiesReset: true,
    summaryTrendStats: ["min", "med", "p(95)", "p(99)", "max"],
  };
}

/** How many orders go by for one that is waited for, by phase. */
export function ordersPerQuestion({ scenario }: Settings): Readonly<Record<string, number>> {
  return Object.fromEntries(
    scenario.phases.map(({ name, eventsPerSecond }) => [name, Math.max(1, Math.round((eventsPerSecond * ordersShare) / shownPerSecond))]),
  );
}

/** `perSecond` may be a fraction: it is told as so many in so many seconds. */
function arrivals({
  perSecond,
  startsAt,
  seconds,
}: {
  readonly perSecond: number;
  readonly startsAt: number;
  readonly seconds: number;
}): Scenario {
  const within = [1, 10, 100, 1000].find((unit) => Number.isInteger(perSecond * unit)) ?? 1000;
  const preAllocatedVUs = Math.min(users.most, Math.max(users.least, Math.ceil(perSecond * secondsOfUsers)));
  return {
    executor: "constant-arrival-rate",
    rate: Math.max(1, Math.round(perSecond * within)),
    timeUnit: `${within}s`,
    duration: `${seconds}s`,
    startTime: `${startsAt}s`,
    gracefulStop: "15s",
    preAllocatedVUs,
  };
}
