import { readFileSync } from "node:fs";
import { requiredText, textAt } from "./content.ts";
import { mostMailConnections, tlsWords } from "../shape/sink-shape.ts";
import type { SinkOpener } from "./delivery-plan.ts";
import type { SinkScope } from "./sink-scope.ts";

const submissionPort = 587;

/** `email: { server, tls, ca, user, password, sender, to, subject, text, replyTo, unsubscribe, connections }`. */
export function emailSink(scope: SinkScope): SinkOpener | undefined {
  const { settings, see } = scope;
  for (const field of ["server", "sender"]) settings.required(field);
  const [server, sender, ca, user] = [scope.setting("server"), scope.setting("sender"), scope.setting("ca"), scope.setting("user")];
  const tls = settings.oneOf("tls", tlsWords);
  const password = scope.secret("password");
  const connections = settings.count("connections", mostMailConnections);
  const [to, subject, text] = [requiredText("to", scope), requiredText("subject", scope), requiredText("text", scope)];
  const [replyTo, unsubscribe] = [textAt("replyTo", scope), textAt("unsubscribe", scope)];
  if (settings.has("user") !== settings.has("password")) {
    const lacks = settings.has("user") ? "password" : "user";
    scope.report("TOPOLOGY_MISSING_FIELD", settings.place, `${settings.what} needs "${lacks}": a login has a name and a password`);
    return undefined;
  }
  if (server === undefined || sender === undefined || to === undefined || subject === undefined || text === undefined) return undefined;
  return {
    takesNull: false,
    does: [`mails ${subject.does} to ${to.does}, by ${server.text}`],
    open: async ({ environment }) => {
      const { EmailSink } = await import("#sinks/email/email-sink.ts");
      return new EmailSink({
        server: {
          ...serverOf(server.resolve(environment)),
          ...(tls === undefined ? {} : { tls }),
          ...(ca === undefined ? {} : { ca: readFileSync(ca.resolve(environment), "utf8") }),
        },
        ...(user === undefined || password === undefined
          ? {}
          : { login: { user: user.resolve(environment), password: password.resolve(environment) } }),
        from: senderOf(sender.resolve(environment)),
        ...(connections === undefined ? {} : { connections }),
        render: (record) => {
          const seen = see(record);
          const answers = replyTo?.of(seen) ?? undefined;
          const ending = unsubscribe?.of(seen) ?? undefined;
          return {
            to: to.of(seen),
            subject: subject.of(seen),
            text: text.of(seen),
            ...(answers === undefined ? {} : { replyTo: answers }),
            ...(ending === undefined ? {} : { unsubscribe: new URL(ending) }),
          };
        },
      });
    },
  };
}

/** `host`, `host:port` or `[::1]:port`. @throws {TypeError} */
function serverOf(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw new TypeError(`"server" is host:port, as in smtp.example.com:587`);
  return { host: (match[1] ?? match[2])!, port: match[3] === undefined ? submissionPort : Number(match[3]) };
}

/** `shop@example.com`, or `Shop <shop@example.com>`. */
function senderOf(text: string): { readonly address: string; readonly name?: string } {
  const match = /^([^<>]*)<([^<>]+)>$/.exec(text);
  return match === null ? { address: text } : { address: match[2]!, name: match[1]!.trim() };
}
