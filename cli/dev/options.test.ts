import { expect, test } from "vitest";
import { readDevOptions } from "./options.ts";

test.each([
  [["--port", "99999"], "--port is a whole number from 0 to 65535, not 99999"],
  [["--port", "80x"], "--port is a whole number from 0 to 65535, not 80x"],
  [["--idle", "5s"], "--idle is a whole number from 0 to 86400000000, not 5s"],
  [["--log", "loud"], "--log is debug, info, warn or error, not loud"],
  [["--prot", "1"], "Unknown option '--prot'"],
])("[R14] %j is answered with what would be right", (args, message) => {
  expect(readDevOptions(args)).toEqual({ kind: "usage", message });
});

test("[R19] 8080 gives way to a free port only as long as nobody named it", () => {
  expect(readDevOptions([])).toMatchObject({ port: 8080, anyPort: true });
  expect(readDevOptions(["--port", "8080"])).toMatchObject({ port: 8080, anyPort: false });
});
