import { z } from "zod";
import { parseAmount } from "#schemas/money.ts";

/** An amount as a topology writes it (`500`, `"12.50"`), 0 or above and of at most four places; in the configuration it is 1/10,000, exactly. */
export const amount = z.union([z.string(), z.number()]).transform((written, context) => {
  const parsed = parseAmount(written);
  if (typeof parsed === "bigint" && parsed >= 0n) return parsed;
  context.addIssue({ code: "custom", message: "expected an amount of 0 or more with at most four decimal places" });
  return z.NEVER;
});
