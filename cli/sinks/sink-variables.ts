import type { DeliveryPlan } from "#topology/delivery/delivery-plan.ts";
import { formatProblem } from "#topology/topology-error.ts";

/** A line for each variable of the environment that a sink names and that is not set, where it names it. */
export function missingVariables(
  deliveries: readonly Pick<DeliveryPlan, "name" | "variables">[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return deliveries.flatMap(({ name, variables }) =>
    variables
      .filter((variable) => (environment[variable.name] ?? "") === "")
      .map((variable) =>
        formatProblem({
          code: "TOPOLOGY_ENVIRONMENT",
          severity: "error",
          place: variable.place,
          message: `sink "${name}" needs \${${variable.name}}, which is not set in the environment; set it, or start with --no-sinks`,
        }),
      ),
  );
}
