import { expect, test } from "vitest";
import { loggingSettings, nodeSettings, propertiesText, sharedSettings } from "./properties.ts";
import { portsFrom } from "./ports.ts";

test("three nodes keep three copies, two of them in sync, and find the quorum by all controllers' ports", () => {
  const settings = nodeSettings({ nodes: portsFrom(19_092, 3), more: {} }, 2, "/data/2");
  expect(settings).toMatchObject({
    "node.id": "2",
    listeners: "PLAINTEXT://127.0.0.1:29092,CONTROLLER://127.0.0.1:29093",
    "controller.quorum.bootstrap.servers": "127.0.0.1:19093,127.0.0.1:29093,127.0.0.1:39093",
    "log.dirs": "/data/2",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "transaction.state.log.min.isr": "2",
  });
});

test("one node keeps one copy", () => {
  const replicas = Object.entries(sharedSettings(1)).filter(([name]) => /replication\.factor|min\.isr|insync/.test(name));
  expect(replicas).toHaveLength(7);
  expect(replicas.filter(([, value]) => value !== "1")).toEqual([]);
});

test("settings of the caller come beside and instead of ours", () => {
  const more = { "auto.create.topics.enable": "true", "authorizer.class.name": "A" };
  expect(nodeSettings({ nodes: portsFrom(19_092, 1), more }, 1, "/data")).toMatchObject(more);
});

test("a path of any characters is written so that Java reads it back", () => {
  expect(propertiesText({ "log.dirs": " C:\\Müller 数" })).toBe("log.dirs=\\ C:\\\\M\\u00fcller \\u6570\n");
  expect(propertiesText(loggingSettings("/a b/broker.log"))).toContain("appender.file.fileName=/a b/broker.log\n");
});

test.each([
  [0, 1],
  [65_535, 1],
  [45_535, 3],
])("ports from %i on do not reach for %i nodes", (port, nodes) => {
  expect(() => portsFrom(port, nodes)).toThrow(expect.objectContaining({ code: "KAFKA_USAGE" }));
});
