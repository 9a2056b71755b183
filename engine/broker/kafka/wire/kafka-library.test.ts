import * as whole from "@platformatic/kafka";
import { expect, test } from "vitest";
import * as parts from "./kafka-library.ts";

test("[K121] what is loaded of the Kafka library is what it exports", () => {
  const byName = whole as unknown as Readonly<Record<string, unknown>>;
  expect(Object.keys(parts).length).toBeGreaterThan(20);
  for (const [name, value] of Object.entries(parts)) {
    expect(value, name).toBeDefined();
    expect(value, name).toBe(byName[name]);
  }
});
