import { readFields } from "../parse/map-reader.ts";
import { contentOf, textAt, textOf } from "./content.ts";
import type { SinkOpener } from "./delivery-plan.ts";
import { missing, type SinkScope } from "./sink-scope.ts";

/** Header of a record that names what its events have in common. */
const correlationHeader = "correlationid";
/** SNS takes ten, and three are ours. */
const mostAttributes = 7;

/** `sns: { topicArn, message, subject, attributes, endpoint }`. The login is found as Amazon's SDK finds it. */
export function snsSink(scope: SinkScope): SinkOpener | undefined {
  const { settings, see, source } = scope;
  settings.required("topicArn");
  const [topicArn, endpoint] = [scope.setting("topicArn"), scope.setting("endpoint")];
  const message = contentOf("message", scope);
  const subject = textAt("subject", scope);
  const named = settings.has("attributes")
    ? readFields(settings.entry("attributes")!.value, `attributes of ${settings.what}`, scope.report)
    : [];
  const attributes = named.flatMap(({ name, of }) => {
    const written = textOf(of, scope);
    return written === undefined ? [] : [{ name, of: written.of }];
  });
  if (named.length > mostAttributes) {
    const { place } = named[mostAttributes]!;
    scope.wrong(
      place,
      `${settings.what} has ${named.length} attributes; SNS takes ${mostAttributes} beside eventType, correlationId and recordId`,
    );
  }
  if (topicArn === undefined || message === undefined || attributes.length < named.length) return undefined;
  const eventType = source.event ?? source.topic;
  return {
    takesNull: false,
    does: [`publishes ${message.does} to ${topicArn.text}`],
    open: async ({ environment }) => {
      const { SnsSink } = await import("#sinks/sns/sns-sink.ts");
      return new SnsSink({
        topicArn: topicArn.resolve(environment),
        ...(endpoint === undefined ? {} : { endpoint: new URL(endpoint.resolve(environment)) }),
        render: (record) => {
          const seen = see(record);
          return {
            message: message.of(seen),
            eventType,
            subject: subject?.of(seen) ?? undefined,
            correlationId: record.headers.find(([name]) => name === correlationHeader)?.[1] || undefined,
            attributes: Object.fromEntries(attributes.map(({ name, of }) => [name, of(seen) ?? missing(`attribute ${name} is null`)])),
          };
        },
      });
    },
  };
}
