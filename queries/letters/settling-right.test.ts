import { expect, test } from "vitest";
import { settlingRight } from "./settling-right.ts";

test("[RD7] where no key is asked for and other machines can reach it, nobody settles letters", () => {
  expect(settlingRight("0.0.0.0", undefined)).toMatchObject({ kind: "refused", slug: "settling-refused" });
  expect(settlingRight("0.0.0.0", "secret")).toEqual({ kind: "allowed", key: "MILLRACE_KEY" });
  expect(settlingRight("127.0.0.1", "")).toEqual({ kind: "allowed", key: "loopback" });
});
