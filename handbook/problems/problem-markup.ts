import { STATUS_CODES } from "node:http";
import { html, type Markup, prose } from "../page/html.ts";
import { layout } from "../page/layout.ts";
import type { ToldCode } from "./errors-page.ts";
import type { ProblemPage } from "./problem-pages.ts";

/** The page of a problem. `codes` are those of single events, which stand in some answers. */
export function problemHtml({ title, status, type, meaning, remedy, headers, example }: ProblemPage, codes: readonly ToldCode[]): string {
  const main = html`<h1>${title}</h1>
    <p><code>${type}</code>, status ${status} ${STATUS_CODES[status] ?? ""}</p>
    <h2>What it means</h2>
    <p>${prose(meaning)}</p>
    <h2>What to do</h2>
    <p>${prose(remedy)}</p>
    ${hasResults(example) ? eventCodes(codes) : ""}
    <h2>An answer</h2>
    <pre tabindex="0" aria-label="An example answer"><code>${answerText({ status, headers, example })}</code></pre>
    <p><a href="/problems">All problems</a></p>`;
  return layout({ title: `${title}: Millrace`, main });
}

const hasResults = (example: unknown): boolean => (example as { readonly results?: unknown }).results !== undefined;

function eventCodes(codes: readonly ToldCode[]): Markup {
  return html`<h2>The code of each event</h2>
    <dl>
      ${codes.map(
        ({ code, meaning, remedy }) =>
          html`<dt><code>${code}</code></dt>
            <dd>${prose(meaning)} ${prose(remedy)}</dd>`,
      )}
    </dl>`;
}

/** The same without markup, for terminals. */
export const problemText = ({ slug, status, title, meaning, remedy, headers, example }: ProblemPage): string =>
  `${slug} (${status})\n\n${title}.\n\nWhat it means: ${meaning}\n\nWhat to do: ${remedy}\n\nAn answer:\n\n${answerText({ status, headers, example })}\n`;

function answerText({ status, headers, example }: Pick<ProblemPage, "status" | "headers" | "example">): string {
  const lines = Object.entries({ "Content-Type": "application/problem+json", ...headers }).map(([name, value]) => `${name}: ${value}\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\n${lines.join("")}\n${JSON.stringify(example, null, 2)}`;
}

/** All problems, by who answers them. */
export function problemListHtml(pages: readonly ProblemPage[]): string {
  const list = (of: ProblemPage["of"]): Markup =>
    html`<ul class="problems">
      ${pages
        .filter((page) => page.of === of)
        .map(
          ({ type, slug, status, title }) =>
            html`<li>
              <a href="${type}"><code>${slug}</code></a> <span class="quiet">${status}</span> ${title}
            </li>`,
        )}
    </ul>`;
  const main = html`<h1>Problems</h1>
    <p class="lead">What requests are refused with. The <code>type</code> of an answer is the address of its page.</p>
    <h2>Of the gateway</h2>
    ${list("gateway")}
    <h2>Of queries</h2>
    ${list("queries")}`;
  return layout({ title: "Problems: Millrace", main });
}
