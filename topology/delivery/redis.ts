import { readFields } from "../parse/map-reader.ts";
import { contentOf, textAt, textOf } from "./content.ts";
import type { SinkOpener } from "./delivery-plan.ts";
import type { SeenRecord } from "./sink-source.ts";
import { missing, type SinkScope } from "./sink-scope.ts";

/** `redis: { url, user, password, prefix, key, value | fields, ttl }`. A record without a value deletes its key. */
export function redisSink(scope: SinkScope): SinkOpener | undefined {
  const { settings, see } = scope;
  settings.required("url");
  const [url, user, password, prefix] = [scope.setting("url"), scope.setting("user"), scope.secret("password"), scope.setting("prefix")];
  const ttlMs = settings.durationMs("ttl");
  const key = textAt("key", scope);
  if (settings.has("value") && settings.has("fields")) {
    scope.wrong(settings.place, `${settings.what} writes a "value" or a hash of "fields"; not both`);
    return undefined;
  }
  const value = valueOf(scope);
  if (url === undefined || value === undefined || (settings.has("key") && key === undefined)) return undefined;
  return {
    takesNull: true,
    does: [`keeps ${value.does} at ${prefix?.text ?? ""}<${key?.does ?? "key"}> in Redis`],
    open: async ({ environment, origin, callMs }) => {
      const { RedisSink } = await import("#sinks/redis/redis-sink.ts");
      return new RedisSink({
        url: url.resolve(environment),
        callMs,
        prefix: prefix?.resolve(environment) ?? "",
        origin: origin === "" ? "" : `${origin}/`,
        ...(user === undefined ? {} : { username: user.resolve(environment) }),
        ...(password === undefined ? {} : { password: password.resolve(environment) }),
        ...(ttlMs === undefined ? {} : { ttlMs }),
        render: (record) => {
          const seen = see(record);
          const name = key === undefined ? record.key : key.of(seen);
          return { key: name ?? missing("the key is null"), value: record.value === null ? null : value.of(seen) };
        },
      });
    },
  };
}

type RedisValue = { readonly does: string; readonly of: (seen: SeenRecord) => string | { readonly [field: string]: string } };

function valueOf(scope: SinkScope): RedisValue | undefined {
  const { settings, report } = scope;
  if (!settings.has("fields")) return contentOf("value", scope);
  const named = readFields(settings.entry("fields")!.value, `fields of ${settings.what}`, report);
  const fields = named.flatMap(({ name, of }) => {
    const written = textOf(of, scope);
    return written === undefined ? [] : [{ name, of: written.of }];
  });
  if (fields.length === 0 || fields.length < named.length) return undefined;
  return {
    does: `a hash of ${named.map(({ name }) => name).join(", ")}`,
    // A hash has no null: what is null is left out.
    of: (seen) =>
      Object.fromEntries(
        fields.flatMap(({ name, of }) => {
          const text = of(seen);
          return text === null ? [] : [[name, text] as const];
        }),
      ),
  };
}
