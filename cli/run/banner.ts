import type { RunOptions } from "./options.ts";

/** What is told once HTTP listens: where, as whom, on what. */
export function runBanner(
  options: RunOptions,
  { url, instance, nodes }: { readonly url: string; readonly instance: string; readonly nodes?: number },
): string {
  const { workers, gateway } = options;
  return `Millrace runs as ${instance} with ${workers} worker${workers === 1 ? "" : "s"}${nodes === undefined ? "" : ` on ${nodes} nodes`}

  queries     ${url}/v1/queries
  events      ${gateway ? `${url}/v1/events` : "not taken in (--no-gateway)"}
  live page   ${url}/
  handbook    ${url}/docs
  metrics     ${url}/metrics
  readiness   ${url}/readyz

SIGTERM or Ctrl-C drains, commits and leaves; started again, it goes on where it was.
`;
}
