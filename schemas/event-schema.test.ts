import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { schemaOf } from "./event-registry.ts";
import { readReleasedSchemas, toReleasedFile } from "./event-schema.ts";

const good = JSON.parse(toReleasedFile(schemaOf("inventory.level"))) as Record<string, unknown>;

/** What reading a schema file with these attributes says. */
function read(attributes: Record<string, unknown>): () => unknown {
  const folder = mkdtempSync(join(tmpdir(), "schemas-"));
  mkdirSync(join(folder, "inventory.level"));
  writeFileSync(join(folder, "inventory.level", "1.0.0.avsc.json"), JSON.stringify({ ...good, ...attributes }));
  return () => readReleasedSchemas("inventory.level", folder);
}

test.each([
  ["no semantic version", { version: "1.0" }, /version/],
  ["no schema id", { schemaId: 0 }, /schemaId/],
  ["a schema id beyond four bytes", { schemaId: 2 ** 32 }, /schemaId/],
  ["a topic of no class", { topic: "inventory.levels" }, /topic/],
  ["no key", { key: [] }, /key/],
  ["no partitions", { partitions: 0 }, /partitions/],
  ["no retention", { retentionDays: 0 }, /retentionDays/],
  ["no fields", { fields: [] }, /no fields/],
])("[E8] a schema file with %s is refused, and named", (_, attributes, message) => {
  expect(read(attributes)).toThrow(
    expect.objectContaining({
      code: "SCHEMA_INVALID",
      message: expect.stringMatching(message),
      at: expect.stringContaining("1.0.0.avsc.json"),
    }),
  );
});

test("[E8] a schema file as it is released is read", () => {
  expect(read({})()).toEqual([schemaOf("inventory.level")]);
});

test("[E8] topics, keys and retention are those of the design", () => {
  expect(schemaOf("order.created")).toMatchObject({
    topic: "business.orders.created",
    key: ["data.customerId", "metadata.sessionId", "guest-{data.orderId}"],
    partitions: 12,
    retentionDays: 7,
  });
  expect(schemaOf("system.error")).toMatchObject({ topic: "audit.system.errors", retentionDays: 30 });
  expect(schemaOf("cart.item_added")).toMatchObject({ topic: "business.carts.item-added", key: ["metadata.sessionId"] });
  expect(schemaOf("payment.attempted").key).toEqual(["data.cardId"]);
  expect(schemaOf("inventory.low")).toMatchObject({ topic: "business.inventory.low", key: ["data.sku"] });
});
