import type { InputName } from "../inputs/generate.ts";
import { countJob } from "./count.ts";
import { fraudJob } from "./fraud.ts";
import type { Job } from "./job.ts";
import { statelessJob } from "./stateless.ts";

/** A job as it is measured: names of topics are those that the peers know. */
export type JobSpec = {
  readonly input: InputName & ("stateless" | "count" | "fraud");
  readonly variant: "" | "U" | "F";
  readonly topics: { readonly input: string; readonly output: string };
  readonly job: Job;
};

const counting = { input: "count", topics: { input: "count-in", output: "count-out" } } as const;

export const jobs: Readonly<Record<string, JobSpec>> = {
  stateless: { input: "stateless", variant: "", topics: { input: "stateless-in", output: "stateless-out" }, job: statelessJob },
  "count:U": { ...counting, variant: "U", job: countJob("update") },
  "count:F": { ...counting, variant: "F", job: countJob("final") },
  fraud: { input: "fraud", variant: "", topics: { input: "payments", output: "fraud-out" }, job: fraudJob },
};

/** @throws {RangeError} there is no such job */
export function jobOf(name: string): JobSpec {
  const found = jobs[name];
  if (found === undefined) throw new RangeError(`there is no job ${name}: ${Object.keys(jobs).join(", ")}`);
  return found;
}
