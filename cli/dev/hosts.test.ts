import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const cli = fileURLToPath(new URL("../main.ts", import.meta.url));

test("[G31] by another name of loopback, too, a name that somebody else gave this machine leads nowhere", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-hosts-"));
  const args = [cli, "dev", "--no-demo", "--data", data, "--port", "0", "--host", "localhost"];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, MILLRACE_KEY: "" } });
  try {
    let said = "";
    const port = await new Promise<number>((settle, reject) => {
      server.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const match = /live page\s+http:\/\/[^/]+:(\d+)\//.exec(said);
        if (match) settle(Number(match[1]));
      });
      server.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    const statusFor = (host: string, path: string, method = "GET"): Promise<number> =>
      new Promise((settle, reject) => {
        const headers = { host: `${host}:${port}`, "content-type": "application/json", "sec-fetch-site": "same-origin" };
        const asked = request({ host: "localhost", port, path, method, headers }, (answer) => {
          settle(answer.statusCode!);
          answer.resume();
        });
        asked.on("error", reject);
        asked.end(method === "POST" ? '{"all":true,"by":"evil","why":"rebound"}' : undefined);
      });
    expect(await statusFor("evil.example", "/v1/dead-letters/drop", "POST")).toBe(403);
    expect(await statusFor("evil.example", "/v1/queries")).toBe(403);
    for (const host of ["localhost", "127.0.0.1", "[::1]"]) expect(await statusFor(host, "/v1/queries")).toBe(200);
  } finally {
    server.kill("SIGKILL");
    await once(server, "exit");
    rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
});
