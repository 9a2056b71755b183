import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";

/** The page and what it loads: its own scripts, styles and answers, and nothing else from anywhere. */
export const pagePolicy: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const mediaTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const assets = new URL("./assets/", import.meta.url);

/** Every file of the page by its name, with those of its folders. */
function readAssets(): readonly (readonly [name: string, body: Buffer<ArrayBuffer>])[] {
  const files = readdirSync(assets, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const own = files.map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [relative(fileURLToPath(assets), path).replaceAll(sep, "/"), readFileSync(path)] as const;
  });
  return [...own, ["topology/dagre.js", layoutLibrary()]];
}

/** The library that lays the topology out: one module as its package has it, with its licence before it. */
function layoutLibrary(): Buffer<ArrayBuffer> {
  const file = join(dirname(createRequire(import.meta.url).resolve("@dagrejs/dagre")), "dagre.esm.js");
  const code = readFileSync(file, "utf8").replace(/\/\/# sourceMappingURL=.*\s*$/, "");
  return Buffer.from(`${readFileSync(`${file}.LEGAL.txt`, "utf8")}\n${code}`);
}

/** The routes of the live page: `/`, and its files under `/console/`. The files are read once, here. */
export function createConsole(): Hono {
  const app = new Hono();
  for (const [name, body] of readAssets()) {
    const etag = `"${hash("sha256", body, "base64url").slice(0, 22)}"`;
    const headers = {
      "Content-Type": mediaTypes[extname(name)]!,
      "Content-Security-Policy": pagePolicy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      // Asked for each time and mostly answered 304: a page never runs with the scripts of another version.
      "Cache-Control": "no-cache",
      ETag: etag,
    };
    app.get(name === "index.html" ? "/" : `/console/${name}`, (c) =>
      c.req.header("if-none-match") === etag ? c.body(null, 304, headers) : c.body(body, 200, headers),
    );
  }
  return app;
}
