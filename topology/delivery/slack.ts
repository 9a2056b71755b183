import { requiredText } from "./content.ts";
import type { SinkOpener } from "./delivery-plan.ts";
import type { SinkScope } from "./sink-scope.ts";
import { isAddress } from "./webhook.ts";

/** `slack: { webhook | token and channel, text, every }`. What the text says is escaped as a whole: a record can call nobody. */
export function slackSink(scope: SinkScope): SinkOpener | undefined {
  const { settings, see } = scope;
  const [webhook, token, channel] = [scope.secret("webhook"), scope.secret("token"), scope.setting("channel")];
  const api = scope.setting("api");
  const everyMs = settings.durationMs("every");
  const text = requiredText("text", scope);
  if (settings.has("webhook") && (settings.has("token") || settings.has("channel"))) {
    scope.wrong(settings.place, `${settings.what} has a "webhook", which names its channel itself, or "token" and "channel"; not both`);
    return undefined;
  }
  if (!settings.has("webhook") && !(settings.has("token") && settings.has("channel"))) {
    const lacks = settings.has("token") ? `"channel"` : settings.has("channel") ? `"token"` : `"webhook", or "token" and "channel"`;
    scope.report("TOPOLOGY_MISSING_FIELD", settings.place, `${settings.what} needs ${lacks}`);
    return undefined;
  }
  if (text === undefined || (webhook === undefined && (token === undefined || channel === undefined))) return undefined;
  return {
    takesNull: false,
    does: [`says ${text.does} in Slack${channel === undefined ? "" : ` (${channel.text})`}`],
    open: async ({ environment }) => {
      const { SlackSink, slackText } = await import("#sinks/slack/slack-sink.ts");
      const addressOf = (address: string): URL => {
        if (!isAddress(address)) throw new TypeError("the address of Slack is none by https:, or by http: on this machine");
        return new URL(address);
      };
      return new SlackSink({
        target:
          webhook === undefined
            ? {
                kind: "api",
                token: token!.resolve(environment),
                channel: channel!.resolve(environment),
                ...(api === undefined ? {} : { url: addressOf(api.resolve(environment)) }),
              }
            : { kind: "webhook", url: addressOf(webhook.resolve(environment)) },
        ...(everyMs === undefined ? {} : { everyMs }),
        render: (record) => ({ text: slackText(text.of(see(record))) }),
      });
    },
  };
}
