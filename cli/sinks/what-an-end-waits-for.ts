import type { DeliveryPlan } from "#topology/delivery/delivery-plan.ts";

/** What is said when the end takes long: calls of sinks are let end, since what they do would be done again. */
export function whatAnEndWaitsFor(deliveries: readonly DeliveryPlan[]): string {
  if (deliveries.length === 0) return "still committing; Ctrl-C again ends at once, and nothing is lost\n";
  const sinks = deliveries.map(({ name, callMs }) => `${name} ${lengthOf(callMs)}`).join(", ");
  return `still waiting for calls under way of sinks, each at most its timeout: ${sinks}; Ctrl-C again ends at once, and these calls are made again\n`;
}

const lengthOf = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000}m` : ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
