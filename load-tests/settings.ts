import { adjusted, isScenarioName, isSteady, type Scenario, type ScenarioName, scenarioNames, scenarios } from "./scenarios.ts";

// Read by k6 as well as by Node: nothing here may import what k6 does not have.

/** What the script in `k6/` does, as its environment says; `npm run load` sets that, and so may who starts k6 by hand. */
export type Settings = {
  readonly url: string;
  readonly name: ScenarioName;
  readonly scenario: Scenario;
  /** Events a request. */
  readonly batch: number;
  /** In every id, so that two runs against one server do not meet. */
  readonly run: string;
  readonly seed: number;
  /** The query that is asked with the token of an order until it shows it; none where the server does not have it. */
  readonly visibleBy: string | undefined;
  /** Whether latencies and dropped iterations decide. */
  readonly timings: boolean;
  /** Where the summary goes; k6's own on its output when there is none. */
  readonly summaryFile: string | undefined;
};

export const batchSizes = [1, 10, 100] as const;
const defaultUrl = "http://127.0.0.1:8080";
const defaultBatch = 10;

/** Wrong settings; the message says what would be right. */
export class SettingsError extends Error {}

/** @throws {SettingsError} */
export function readSettings(env: Readonly<Record<string, string | undefined>>, now: number): Settings {
  const name = env["SCENARIO"] ?? "smoke";
  if (!isScenarioName(name)) throw new SettingsError(`there is no scenario ${name}; there are ${scenarioNames.join(", ")}`);
  const seconds = wholeOf("SECONDS", env["SECONDS"], 86_400);
  const eventsPerSecond = wholeOf("RATE", env["RATE"], 1_000_000);
  const scenario = scenarios[name];
  if (!isSteady(scenario) && (seconds ?? eventsPerSecond) !== undefined)
    throw new SettingsError(`${name} has a course of its own: its length and rate cannot be set`);
  const run = env["RUN"] ?? now.toString(36);
  if (!/^[A-Za-z0-9]{1,16}$/.test(run)) throw new SettingsError(`RUN is 1 to 16 letters and digits, not ${run}`);
  const batch = wholeOf("BATCH", env["BATCH"], 1000) ?? defaultBatch;
  return {
    url: checkedUrl(env["URL"] ?? defaultUrl, env["CONSENT"]),
    name,
    scenario: adjusted(scenario, {
      ...(seconds === undefined ? {} : { seconds }),
      ...(eventsPerSecond === undefined ? {} : { eventsPerSecond }),
    }),
    batch,
    run,
    seed: wholeOf("SEED", env["SEED"], 0x7fff_ffff) ?? 1,
    visibleBy: env["VISIBLE_BY"] === "" ? undefined : (env["VISIBLE_BY"] ?? "sales-by-sku"),
    timings: env["TIMINGS"] !== "off",
    summaryFile: env["SUMMARY"],
  };
}

// No URL class in k6: whatever this does not match is refused.
const plainUrl = /^https?:\/\/(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i;
const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])$/i;

/**
 * The server's address without a slash at its end. Load goes to this machine only, unless whoever asks for it names the other host again as
 * consent. @throws {SettingsError}
 */
export function checkedUrl(text: string, consent: string | undefined): string {
  const url = text.replace(/\/$/, "");
  const host = plainUrl.exec(url)?.[1];
  if (host === undefined) throw new SettingsError(`a server is http://HOST:PORT, not ${text}`);
  if (loopback.test(host) || consent === host) return url;
  throw new SettingsError(`${host} is another machine: load goes there only with --consent ${host}, by somebody who may put load on it`);
}

function wholeOf(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d*$/.test(text) && Number(text) <= most) return Number(text);
  throw new SettingsError(`--${name.toLowerCase()} is a whole number from 1 to ${most}, not ${text}`);
}
