import { hash } from "node:crypto";
import { extname } from "node:path";
import { Hono } from "hono";
import { type PageFile, pageFiles } from "./page-files.ts";

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

/** The routes of the live page: `/`, and its files under `/console/`. The files are read once, here. */
export function createConsole(files: readonly PageFile[] = pageFiles()): Hono {
  const app = new Hono();
  for (const { path, body, lasting } of files) {
    const etag = `"${hash("sha256", body, "base64url").slice(0, 22)}"`;
    const headers = {
      "Content-Type": mediaTypes[extname(path === "/" ? "index.html" : path)]!,
      "Content-Security-Policy": pagePolicy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      // What keeps its name is asked for each time and mostly answered 304: a page never runs with the scripts of another version.
      "Cache-Control": lasting ? "public, max-age=31536000, immutable" : "no-cache",
      ETag: etag,
    };
    app.get(path, (c) =>
      c.req.header("if-none-match") === etag ? c.body(null, 304, headers) : c.body(new Uint8Array(body), 200, headers),
    );
  }
  return app;
}
