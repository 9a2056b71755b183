import { expect, test } from "vitest";
import { defaultPort, parseCommand } from "./options.ts";

const env = { MILLRACE_CACHE: "/cache" };
const parse = (text: string) => parseCommand(text.split(" ").filter(Boolean), env);

test("a start without options asks for what the data folder has", () => {
  const expected = { kind: "start", data: "/cache/kafka-data", nodes: undefined, port: undefined, fresh: false, jitLimit: true };
  expect(parse("start")).toEqual(expected);
  expect(defaultPort).toBe(19_092);
});

test("every option of a start is read", () => {
  const expected = { kind: "start", data: "/d", nodes: 3, port: 20_000, fresh: true, jitLimit: false };
  expect(parse("start --nodes 3 --port 20000 --data /d --fresh --no-jit-limit")).toEqual(expected);
});

test("kill and restart name a node, all commands a folder", () => {
  expect(parse("kill 2 --data /d")).toEqual({ kind: "kill", data: "/d", node: 2 });
  expect(parse("restart 3")).toEqual({ kind: "restart", data: "/cache/kafka-data", node: 3 });
  expect(parse("stop --data /d")).toEqual({ kind: "stop", data: "/d" });
  expect(parse("status")).toEqual({ kind: "status", data: "/cache/kafka-data" });
  expect(parse("fetch")).toEqual({ kind: "fetch" });
});

test("help is given for --help, -h, and for nothing at all", () => {
  for (const text of ["", "--help", "-h", "start --help"]) expect(parse(text)).toEqual({ kind: "help" });
});

test.each([
  ["start --nodes 2", /--nodes is 1 or 3, not 2/],
  ["start --port many", /--port is a number, not many/],
  ["start --prot 1", /--prot/],
  ["start 3", /start takes no 3/],
  ["stop --fresh", /stop takes no --fresh/],
  ["kill", /kill needs the number of a node/],
  ["kill 4", /kill needs the number of a node, 1 to 3, not 4/],
  ["kill 1 2", /kill takes no 2/],
  ["sotp", /there is no command sotp/],
])("%s is refused with what is wrong about it", (text, message) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: "KAFKA_USAGE", message: expect.stringMatching(message) as string }));
});
