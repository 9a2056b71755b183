import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Processor } from "@millrace/engine";
import { processorOf, processors } from "./registry.ts";

test("[PR1] every processor of the folders is in the registry, and nothing else", async () => {
  const found = await processorsOfFolders();
  expect(found.map(({ processor }) => processor.name).toSorted()).toEqual(processors.map(({ name }) => name).toSorted());
  for (const { processor } of found) expect(processorOf(processor.name)).toBe(processor);
});

test("[PR1] a processor has the name of its folder and file", async () => {
  for (const { processor, folder, file } of await processorsOfFolders()) {
    expect(processor.name).toBe(`${folder}/${file}`);
  }
});

test("[PR2] every configuration refuses unknown keys, and describes the others for editors", () => {
  for (const { name, config } of processors) {
    const schema = z.toJSONSchema(config as z.ZodType, { io: "input" });
    expect(schema.additionalProperties, name).toBe(false);
    for (const [field, property] of Object.entries(schema.properties ?? {})) {
      expect((property as { description?: string }).description, `${name}: ${field}`).toMatch(/^[A-Z].*\.$/);
    }
    expect(() => config.parse({ unknownKey: 1 })).toThrow(/unknownKey/);
  }
});

test("[PR3] every input names its key among what it reads", () => {
  for (const { name, inputs } of processors) {
    for (const [port, { key, reads, shape }] of Object.entries(inputs)) {
      expect(reads, `${name}: ${port}`).toContain(shape.kind === "event" ? `data.${key}` : key);
    }
  }
});

async function processorsOfFolders(): Promise<{ processor: Processor; folder: string; file: string }[]> {
  const found: { processor: Processor; folder: string; file: string }[] = [];
  for (const entry of readdirSync(import.meta.dirname, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const sources = readdirSync(join(import.meta.dirname, entry.name)).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    for (const source of sources) {
      const module: unknown = await import(pathToFileURL(join(import.meta.dirname, entry.name, source)).href);
      for (const value of Object.values(module as Record<string, unknown>)) {
        if (isProcessor(value)) found.push({ processor: value, folder: entry.name, file: source.slice(0, -".ts".length) });
      }
    }
  }
  return found;
}

function isProcessor(value: unknown): value is Processor {
  return typeof value === "object" && value !== null && "bind" in value && "storesOf" in value && "inputs" in value;
}
