import { html, type Markup } from "./html.ts";

export type PageParts = { readonly title: string; readonly main: Markup; readonly aside?: Markup; readonly script?: boolean };

/** A whole page of the handbook. */
export function layout({ title, main, aside, script = false }: PageParts): string {
  return `<!doctype html>\n${
    html`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="/docs/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/docs/docs.css" />
        ${script ? html`<script type="module" src="/docs/docs.js"></script>` : ""}
      </head>
      <body>
        <a class="skip" href="#main">To the text</a>
        <header>
          <p class="name">Millrace</p>
          <nav aria-label="Pages">
            <a href="/">Live page</a> <a href="/docs">Handbook</a> <a href="/problems">Problems</a> <a href="/openapi.json">openapi.json</a>
          </nav>
        </header>
        <div class="${aside === undefined ? "page" : "page with-aside"}">
          ${aside ?? ""}
          <main id="main" tabindex="-1">${main}</main>
        </div>
      </body>
    </html> `.markup
  }`;
}
