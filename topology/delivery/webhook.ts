import { mostRequests } from "../shape/sink-shape.ts";
import type { SinkOpener } from "./delivery-plan.ts";
import { contentOf } from "./content.ts";
import type { SinkScope } from "./sink-scope.ts";

const contentTypes = { json: "application/json", text: "text/plain; charset=utf-8" } as const;
const leastSecretBytes = 24;

/** `webhook: { url, secret, body, requests }`. */
export function webhookSink(scope: SinkScope): SinkOpener | undefined {
  const { settings, see } = scope;
  settings.required("url");
  const url = scope.setting("url");
  const secrets = scope.secrets("secret");
  const body = contentOf("body", scope);
  const requests = settings.count("requests", mostRequests);
  if (url !== undefined && !url.text.includes("${") && !isAddress(url.text)) {
    scope.wrong(url.place, `"url" of ${settings.what} is an address by https:, or by http: on this machine`);
    return undefined;
  }
  if (url === undefined || body === undefined) return undefined;
  return {
    takesNull: false,
    does: [`posts ${body.does} to ${url.text}${secrets.length === 0 ? ", unsigned" : ""}`],
    open: async ({ environment }) => {
      const { WebhookSink } = await import("#sinks/webhook/webhook-sink.ts");
      const address = url.resolve(environment);
      if (!isAddress(address)) throw new TypeError("the address is none by https:, or by http: on this machine");
      return new WebhookSink({
        url: new URL(address),
        secrets: secrets.map((secret) => secretBytes(secret.resolve(environment), secret.text)),
        ...(requests === undefined ? {} : { requests }),
        render: (record) => ({ contentType: contentTypes[body.type], bytes: Buffer.from(body.of(see(record))) }),
      });
    },
  };
}

/** Standard Webhooks writes secrets as `whsec_` and base64; any other text stands for its bytes. */
function secretBytes(text: string, name: string): Uint8Array {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  const bytes = base64 === undefined ? Buffer.from(text) : Buffer.from(base64, "base64");
  if (bytes.length < leastSecretBytes)
    throw new RangeError(`the secret ${name} has ${bytes.length} bytes; ${leastSecretBytes} are the least`);
  return bytes;
}

/** By https:, or by http: on this machine, without a login: that would stand in every trace of a request. */
export function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}
