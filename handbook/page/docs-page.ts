import { eventTypes } from "#schemas/event-types.ts";
import type { Part } from "../openapi/answers.ts";
import type { OpenApi, Operation } from "../openapi/openapi.ts";
import type { ToldCode } from "../problems/errors-page.ts";
import { html, type Markup, prose } from "./html.ts";
import { layout } from "./layout.ts";
import { resolve, schemaTable, typeWords } from "./schema-table.ts";

export type DocsParts = {
  readonly document: OpenApi;
  readonly codes: readonly ToldCode[];
  readonly origin: string;
  readonly keyed: boolean;
};

/** The page of an OpenAPI document, whole without a script: what to post, what comes back, what can be asked. [H5] */
export function docsPage({ document, codes, origin, keyed }: DocsParts): string {
  const { paths, tags, info } = document as OpenApi & { readonly tags: readonly { readonly name: string; readonly description: string }[] };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Shown => ({ path, method: method.toUpperCase(), operation })),
  );
  const groups = tags
    .map(({ name, description }) => ({ name, description, shown: operations.filter(({ operation }) => operation.tags[0] === name) }))
    .filter(({ shown }) => shown.length > 0);
  const takesEvents = paths["/v1/events"] !== undefined;
  const main = html`<h1>${info.title}</h1>
    <p class="lead">${info.description}</p>
    ${takesEvents ? firstEvent(origin, keyed) : ""} ${takesEvents ? eventsSection(document) : ""}
    ${groups.map(
      ({ name, description, shown }) =>
        html`<section aria-labelledby="${idOf("tag", name)}">
          <h2 id="${idOf("tag", name)}">${name}</h2>
          <p>${description}</p>
          ${shown.map((one) => operationMarkup(one, document))}
        </section>`,
    )}
    ${codesSection(codes)}`;
  const aside = html`<nav class="contents" aria-label="On this page">
    <ul>
      ${
        takesEvents
          ? html`<li><a href="#first-event">Your first event</a></li>
              <li><a href="#event-types">Event types</a></li>`
          : ""
      }
      ${groups.map(({ name }) => html`<li><a href="#${idOf("tag", name)}">${name}</a></li>`)}
      <li><a href="#codes">Codes of single events</a></li>
    </ul>
  </nav>`;
  return layout({ title: `${info.title}: handbook`, main, aside, script: true });
}

type Shown = { readonly path: string; readonly method: string; readonly operation: Operation };

const idOf = (...parts: readonly string[]): string =>
  parts
    .join("-")
    .toLowerCase()
    .replaceAll(/[^a-z0-9._]+/g, "-");

function firstEvent(origin: string, keyed: boolean): Markup {
  const event = {
    eventType: "cart.item_added",
    metadata: { sessionId: "s-1" },
    data: { cartId: "c-1", sku: "85123A", quantity: 1, unitPrice: { amount: "9.90", currency: "EUR" } },
  };
  const line = `curl -sS ${origin}/v1/events${keyed ? ' -H "Authorization: Bearer $MILLRACE_KEY"' : ""} -d '${JSON.stringify(event)}'`;
  return html`<section aria-labelledby="first-event">
    <h2 id="first-event">Your first event</h2>
    <p>
      Run this in a terminal. What a program must say and a hand at the keyboard may leave out (id, time, source) is filled in, and told in
      <code>warnings</code>.
    </p>
    ${code(line, "The line to run")}
    <p>
      <code>accepted</code> means that the event is on the disk. The <code>token</code> is where: a query asked with
      <code>?after=TOKEN</code> waits until it shows the event. A mistake is answered with its place and what was probably meant; sent again
      with the same <code>eventId</code>, an event counts once.
    </p>
    ${
      keyed
        ? html`<p>
            <label>Key, for what is tried out here <input id="key" type="password" autocomplete="off" spellcheck="false" /></label>
          </p>`
        : ""
    }
  </section>`;
}

function eventsSection(document: OpenApi): Markup {
  return html`<section aria-labelledby="event-types">
    <h2 id="event-types">Event types</h2>
    <p>Every example is accepted as it stands. Each type is also a JSON Schema, at <code>/v1/schemas/{type}</code>.</p>
    ${eventTypes.map((eventType) => {
      const schema = document.components.schemas[eventType] as Part & {
        readonly description: string;
        readonly examples: readonly unknown[];
      };
      const properties = (schema["properties"] as Readonly<Record<string, Part>>)["data"]!;
      const id = idOf("event", eventType);
      const example = JSON.stringify(schema.examples[0], null, 2);
      return html`<details id="${id}">
        <summary><code>${eventType}</code> <span class="quiet">${schema.description}</span></summary>
        <h3>Fields of <code>data</code></h3>
        ${schemaTable(properties, document, `Fields of ${eventType}`)}
        <h3>Example</h3>
        ${code(example, `Example of ${eventType}`)}
        <form class="try" hidden>
          <label>Event to send <textarea rows="20" spellcheck="false">${example}</textarea></label>
          <p><button>Send it</button> <button type="button" class="fresh">Give it a new id</button></p>
          <output></output>
        </form>
        <p><a href="/v1/schemas/${eventType}">JSON Schema of ${eventType}</a></p>
      </details>`;
    })}
    <details id="envelope">
      <summary>The envelope <span class="quiet">What every event says about itself</span></summary>
      ${schemaTable(envelopeOf(document), document, "Fields of the envelope")}
    </details>
  </section>`;
}

function envelopeOf({ components }: OpenApi): Part {
  const one = components.schemas[eventTypes[0]!] as Part & { readonly properties: Readonly<Record<string, Part>> };
  const { data: _, ...properties } = one.properties;
  return { ...one, properties: { ...properties, eventType: { type: "string", description: "What happened: one of the types above." } } };
}

type Parameter = { readonly name: string; readonly in: string; readonly description: string; readonly schema: Part };

function operationMarkup({ path, method, operation }: Shown, document: OpenApi): Markup {
  const { summary, description, parameters = [], responses, operationId } = operation;
  const plain = method === "GET" && !path.includes("{") && operation.tags[0] !== "Streams";
  return html`<details id="${idOf("operation", operationId)}">
    <summary><span class="method">${method}</span> <code>${path}</code> <span class="quiet">${summary}</span></summary>
    ${description === undefined ? "" : html`<p>${prose(description)}</p>`} ${plain ? html`<p><a href="${path}">Ask it now</a></p>` : ""}
    ${requestMarkup(operation, document)}
    ${parameters.length === 0 ? "" : parametersTable(parameters as unknown as readonly Parameter[], document, operation)}
    ${answersTable(responses, document, operation)}
  </details>`;
}

function requestMarkup({ requestBody }: Operation, { components }: OpenApi): Markup {
  if (requestBody === undefined) return html``;
  const content = requestBody["content"] as Readonly<Record<string, { readonly schema: Part }>>;
  return html`<h3>Body</h3>
    <ul>
      ${Object.entries(content).map(([mediaType, { schema }]) => html`<li><code>${mediaType}</code>: ${bodyWords(schema, components)}</li>`)}
    </ul>`;
}

function bodyWords(schema: Part, components: OpenApi["components"]): string {
  return resolve(schema, components).description ?? typeWords(schema, components);
}

function parametersTable(parameters: readonly Parameter[], { components }: OpenApi, { operationId }: Operation): Markup {
  return html`<h3>Parameters</h3>
    <div class="scroll" role="region" tabindex="0" aria-label="Parameters of ${operationId}">
      <table>
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col">in</th>
            <th scope="col">what it is</th>
            <th scope="col">meaning</th>
          </tr>
        </thead>
        <tbody>
          ${parameters.map(
            (one) =>
              html`<tr>
                <th scope="row"><code>${one.name}</code></th>
                <td>${one.in}</td>
                <td>${typeWords(one.schema, components)}</td>
                <td>${prose(one.description)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

type Told = {
  readonly description?: string;
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Part }>>;
};

function answersTable(responses: Part, document: OpenApi, { operationId }: Operation): Markup {
  const rows = Object.entries(responses as Readonly<Record<string, Told>>).filter(([status]) => status !== "default");
  const shown = rows.flatMap(([status, { content = {} }]) =>
    status === "200"
      ? Object.values(content).flatMap(({ schema }) => (schema["properties"] === undefined && schema["$ref"] === undefined ? [] : [schema]))
      : [],
  );
  return html`<h3>Answers</h3>
    <div class="scroll" role="region" tabindex="0" aria-label="Answers of ${operationId}">
      <table>
        <thead>
          <tr>
            <th scope="col">status</th>
            <th scope="col">media type</th>
            <th scope="col">meaning</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ([status, { description = "", content = {} }]) =>
              html`<tr>
                <th scope="row">${status}</th>
                <td>${Object.keys(content).join(", ")}</td>
                <td>${problemLinks(description)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${shown.slice(0, 1).map((schema) => {
      const resolved = resolve(schema, document.components);
      return resolved.properties === undefined
        ? html``
        : html`<h3>The answer</h3>
            ${schemaTable(resolved, document, `Fields of the answer of ${operationId}`)}`;
    })}`;
}

/** Types of problems in a description lead to their pages. */
const problemLinks = (text: string): Markup =>
  html`${text.split("`").map((part, i) => (i % 2 === 0 ? part : part.startsWith("/problems/") ? html`<a href="${part}">${part.slice(part.lastIndexOf("/") + 1)}</a>` : html`<code>${part}</code>`))}`;

function codesSection(codes: readonly ToldCode[]): Markup {
  return html`<section aria-labelledby="codes">
    <h2 id="codes">Codes of single events</h2>
    <p>In <code>results</code> and their <code>errors</code>, each with its JSON pointer.</p>
    <div class="scroll" role="region" tabindex="0" aria-label="Codes, what they mean and what to do">
      <table>
        <thead>
          <tr>
            <th scope="col">code</th>
            <th scope="col">what it means</th>
            <th scope="col">what to do</th>
          </tr>
        </thead>
        <tbody>
          ${codes.map(
            ({ code: name, meaning, remedy }) =>
              html`<tr>
                <th scope="row"><code>${name}</code></th>
                <td>${prose(meaning)}</td>
                <td>${prose(remedy)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

export const code = (text: string, label: string): Markup => html`<pre tabindex="0" aria-label="${label}"><code>${text}</code></pre>`;
