import { parseArgs } from "node:util";
import { LoadError } from "./load-error.ts";
import { scenarioNames, scenarios } from "./scenarios.ts";
import { batchSizes, readSettings, type Settings, SettingsError } from "./settings.ts";

export const help = `npm run load -- SCENARIO [OPTIONS]

Posts a shop's events with k6, waits for some of them to be shown by a query, reads all of them back from the log, and writes a report.
Starts a Millrace of its own on a free port of this machine, with a data folder of its own, and ends and removes it again.

${scenarioNames.map((name) => `  ${name.padEnd(8)}${scenarios[name].summary}`).join("\n")}
  fetch   only makes k6 available: that of the PATH, else built once with Go into the cache

  --batch N        events a request: ${batchSizes.join(", ")} or any number to 1,000 (default 10)
  --seconds N      another length (not of spike)
  --rate N         other events/s (not of spike)
  --seed N         other visitors (default 1); the same seed sends the same events
  --no-timings     latencies and dropped iterations decide nothing: for machines that are busy with other things
  --report FILE    where the report goes (default .millrace/load/SCENARIO-bN-TIME.html)
  --keep           keeps data folder and what k6 was told, and says where
  --data DIR       a data folder of your choice instead, which is kept
  --url URL        a server that runs already, on this machine; MILLRACE_KEY is its key. Its log is not read: what its queries count is
  --consent HOST   with --url: puts load on that other host, which is named again since you may do that there
  -h, --help       this text

Thresholds: 95 of 100 posts are answered, and shown by a query behind two commits, within 100 ms; no iteration is dropped, no event rejected.
Ends with 0 when they hold and nothing is lost, doubled or out of order; 1 when not; 2 when not understood; 3 when it could not be run; 130
behind a Ctrl-C, which ends the load early, reads back what was sent and reports. A second Ctrl-C ends at once.
`;

export type LoadCommand =
  | { readonly kind: "help" | "fetch" }
  | {
      readonly kind: "run";
      readonly settings: Settings;
      /** What the settings were read from, for k6. */
      readonly script: Readonly<Record<string, string>>;
      /** The server to be loaded; one of our own when there is none. */
      readonly url: string | undefined;
      readonly report: string | undefined;
      readonly data: string | undefined;
      readonly keep: boolean;
    };

/** What the arguments ask for. @throws {LoadError} `LOAD_USAGE` */
export function parseLoadCommand(args: readonly string[], now: number): LoadCommand {
  const { values, positionals } = parsed(args);
  const [name, ...more] = positionals;
  if (values.help || (name === undefined && args.length === 0)) return { kind: "help" };
  if (name === undefined) throw usage(`which scenario? ${scenarioNames.join(", ")}`);
  if (more.length > 0) throw usage(`one scenario at a time: not ${more.join(" ")} too`);
  if (name === "fetch") return { kind: "fetch" };
  const { url, data, consent } = values;
  if (url !== undefined && data !== undefined) throw usage("--data is the folder of a server of our own: not with --url");
  if (url === undefined && consent !== undefined) throw usage("--consent is for a server named by --url");
  const given = {
    SCENARIO: name,
    RUN: now.toString(36),
    BATCH: values.batch,
    SECONDS: values.seconds,
    RATE: values.rate,
    SEED: values.seed,
    URL: url,
    CONSENT: consent,
    TIMINGS: values.timings ? undefined : "off",
  };
  const script = Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
  try {
    const settings = readSettings(script, now);
    return {
      kind: "run",
      settings,
      script,
      url: url === undefined ? undefined : settings.url,
      report: values.report,
      data,
      keep: values.keep,
    };
  } catch (error) {
    if (error instanceof SettingsError) throw usage(error.message);
    throw error;
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      allowNegative: true,
      options: {
        batch: { type: "string" },
        seconds: { type: "string" },
        rate: { type: "string" },
        seed: { type: "string" },
        timings: { type: "boolean", default: true },
        report: { type: "string" },
        keep: { type: "boolean", default: false },
        data: { type: "string" },
        url: { type: "string" },
        consent: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    // Node explains at length how an argument could begin with a dash, which none of these does.
    throw usage((error as Error).message.replace(/\. To specify a positional .*$/s, ""));
  }
}

function usage(message: string): LoadError {
  return new LoadError("LOAD_USAGE", `${message}; npm run load -- --help`);
}
