import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
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

/** The routes of the live page: `/`, and its files under `/console/`. The files are read once, here. */
export function createConsole(): Hono {
  const app = new Hono();
  for (const name of readdirSync(assets)) {
    const body = readFileSync(new URL(name, assets));
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
