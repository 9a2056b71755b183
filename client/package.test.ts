import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestGateway } from "../gateway/testing/test-gateway.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const shop = mkdtempSync(join(tmpdir(), "millrace-storefront-"));
const source = (field: string): string => `import { MillraceClient, MillraceError } from "@millrace/client";
const client = new MillraceClient({ url: process.argv[2] ?? "", key: "sk_test" });
try {
  const data = { cartId: "c-1", sku: "85123A", unitPrice: { amount: "9.90", currency: "EUR" } };
  const receipt = await client.send("cart.item_added", { ...data, ${field}: 1 }, { metadata: { sessionId: "s-1" } });
  console.log(receipt.status);
} catch (error) {
  if (error instanceof MillraceError) console.log(error.code, error.pointer, error.didYouMean);
}
await client.close();
`;
const compile = (file: string) =>
  spawnSync(
    process.execPath,
    [
      join(root, "node_modules/typescript/bin/tsc"),
      "--noEmit",
      "--strict",
      "--target",
      "esnext",
      "--module",
      "nodenext",
      "--types",
      "node",
      "--typeRoots",
      join(root, "node_modules/@types"),
      file,
    ],
    { cwd: shop, encoding: "utf8" },
  );

beforeAll(() => {
  const quiet = { cwd: shop, stdio: "pipe" } as const;
  execFileSync("npm", ["pack", join(root, "client"), "--pack-destination", shop], quiet);
  const packed = readdirSync(shop).find((name) => name.endsWith(".tgz"))!;
  writeFileSync(join(shop, "package.json"), '{ "name": "storefront", "private": true, "type": "module" }');
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", `./${packed}`], quiet);
  writeFileSync(join(shop, "good.ts"), source("quantity"));
  writeFileSync(join(shop, "misspelt.ts"), source("quantty"));
}, 120_000);
afterAll(() => rmSync(shop, { recursive: true, force: true }));

test("[N9] the package is its own code and nothing else", () => {
  const files = readdirSync(join(shop, "node_modules/@millrace/client"), { recursive: true }).map(String);
  expect(files.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))).toEqual([]);
  expect(files.filter((name) => /test|testing/.test(name))).toEqual([]);
  expect(readdirSync(join(shop, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["@millrace"]);
});

test("[N9] in a project of its own a misspelt field does not compile, and the compiler says what was meant", () => {
  expect(compile("good.ts")).toMatchObject({ status: 0, stdout: "" });
  const misspelt = compile("misspelt.ts");
  expect(misspelt.status).not.toBe(0);
  expect(misspelt.stdout).toMatch(/misspelt\.ts\(\d+,\d+\): error TS\d+: .*quant/s);
});

test("[N9] it runs there, and posts an event", async () => {
  const gateway = await openTestGateway();
  try {
    const run = (file: string) =>
      new Promise<string>((settle, reject) => {
        execFile(process.execPath, [join(shop, file), `http://127.0.0.1:${gateway.port}`], { encoding: "utf8" }, (error, stdout) =>
          error === null ? settle(stdout) : reject(error),
        );
      });
    expect(await run("good.ts")).toBe("accepted\n");
    expect(await run("misspelt.ts")).toBe("schema_violation /data/quantty quantity\n");
    expect((await gateway.stored()).map(({ event }) => event.eventType)).toEqual(["cart.item_added"]);
  } finally {
    await gateway.close();
  }
});
