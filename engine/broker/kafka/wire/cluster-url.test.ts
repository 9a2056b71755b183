import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { reachedAt } from "./cluster.ts";
import { type Environment, parseClusterUrl } from "./cluster-url.ts";
import { ClusterUrlError } from "./cluster-url-error.ts";
import { mskToken, regionOf } from "./msk-token.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-cluster-url-"));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const login = { MILLRACE_KAFKA_USERNAME: "shop", MILLRACE_KAFKA_PASSWORD: "s3cret:@/" };

test("[K77] a URL lists the brokers to begin with", () => {
  expect(parseClusterUrl("kafka://a.example:1,b-2:65535,c", {})).toEqual({
    bootstrap: [
      { host: "a.example", port: 1 },
      { host: "b-2", port: 65535 },
      { host: "c", port: 9092 },
    ],
    clientId: "millrace",
  });
  expect(parseClusterUrl("kafkas://[::1]:9093/?client-id=shop-1", {})).toEqual({
    bootstrap: [{ host: "::1", port: 9093 }],
    clientId: "shop-1",
    tls: {},
  });
});

test("[K77] what is secret comes from the environment", () => {
  const [ca, cert, key] = [file("ca.pem", "CA"), file("cert.pem", "CERT"), file("key.pem", "KEY")];
  const files = { MILLRACE_KAFKA_CA: ca, MILLRACE_KAFKA_CERT: cert, MILLRACE_KAFKA_KEY: key };
  expect(parseClusterUrl("kafkas://a?sasl=scram-sha-512", { ...login, ...files })).toMatchObject({
    tls: { ca: "CA", cert: "CERT", key: "KEY" },
    sasl: { mechanism: "SCRAM-SHA-512", username: "shop", password: "s3cret:@/" },
  });
  expect(parseClusterUrl("kafka://a?sasl=scram-sha-256", login).sasl).toMatchObject({ mechanism: "SCRAM-SHA-256", username: "shop" });
  expect(parseClusterUrl("kafkas://a?sasl=plain", login).sasl).toMatchObject({ mechanism: "PLAIN" });
  expect(parseClusterUrl("kafkas://a?sasl=oauthbearer", { MILLRACE_KAFKA_TOKEN: "t" }).sasl).toEqual({
    mechanism: "OAUTHBEARER",
    token: "t",
  });
  const { sasl } = parseClusterUrl("kafkas://a?sasl=oauthbearer", { MILLRACE_KAFKA_TOKEN_FILE: file("token", "first\n") });
  file("token", "second\n");
  expect((sasl!.token as () => string)()).toBe("second");
});

test("[K77] brokers are reached elsewhere than they advertise where the environment says so", () => {
  const settings = parseClusterUrl("kafka://a", { MILLRACE_KAFKA_VIA: "a:9092=127.0.0.1:19092,b:1=localhost:2" });
  expect(["a", "b", "c"].map((host) => reachedAt(settings, { host, port: host === "b" ? 1 : 9092 }))).toEqual([
    { host: "127.0.0.1", port: 19092 },
    { host: "localhost", port: 2 },
    { host: "c", port: 9092 },
  ]);
});

const refused: readonly (readonly [string, Environment, string, string])[] = [
  ["kafka://", {}, "KAFKA_URL_MALFORMED", "kafkas://broker-1:9093"],
  ["http://a:9092", {}, "KAFKA_URL_MALFORMED", "http://a:9092"],
  ["a:19092,b", {}, "KAFKA_URL_MALFORMED", "write kafka://a:19092,b"],
  ["kafka:a", {}, "KAFKA_URL_MALFORMED", "write kafkas://broker-1:9093"],
  ["kafka://a:0", {}, "KAFKA_URL_MALFORMED", "a:0"],
  ["kafka://a:70000", {}, "KAFKA_URL_MALFORMED", "a:70000"],
  ["kafka://a,,b", {}, "KAFKA_URL_MALFORMED", "a,,b"],
  ["kafka://a b", {}, "KAFKA_URL_MALFORMED", "a b"],
  ["kafka://a/orders", {}, "KAFKA_URL_MALFORMED", "orders"],
  ["kafka://shop:s3cret@a:9092", {}, "KAFKA_URL_SECRET", "MILLRACE_KAFKA_PASSWORD"],
  ["kafka://shop:s3c/ret@a:9092", {}, "KAFKA_URL_MALFORMED", "…@a:9092"],
  ["kafka:shop:s3cret@a:9092", {}, "KAFKA_URL_MALFORMED", "…@a:9092"],
  ["kafka//a?password=s3cret", {}, "KAFKA_URL_MALFORMED", "kafka//a is"],
  ["kafka://a?password=s3cret", {}, "KAFKA_URL_OPTION", "password is no option"],
  ["kafka://a?ssl=true", {}, "KAFKA_URL_OPTION", "sasl, client-id, clear-text"],
  ["kafkas://a?sasl=SCRAM", login, "KAFKA_URL_OPTION", "scram-sha-256"],
  ["kafkas://a?sasl=toString", login, "KAFKA_URL_OPTION", "scram-sha-256"],
  ["kafka://a?sasl=plain&clear-text=yes", login, "KAFKA_URL_OPTION", "allowed"],
  ["kafka://a?sasl=plain", login, "KAFKA_CLEAR_TEXT", "kafkas://"],
  ["kafka://localhost,a?sasl=oauthbearer", { MILLRACE_KAFKA_TOKEN: "t" }, "KAFKA_CLEAR_TEXT", "clear-text=allowed"],
  ["kafkas://a?sasl=plain", { MILLRACE_KAFKA_USERNAME: "shop" }, "KAFKA_LOGIN_MISSING", "MILLRACE_KAFKA_PASSWORD"],
  ["kafkas://a?sasl=oauthbearer", {}, "KAFKA_LOGIN_MISSING", "MILLRACE_KAFKA_TOKEN_FILE"],
  ["kafkas://a?sasl=oauthbearer", { MILLRACE_KAFKA_TOKEN_FILE: "/nowhere/token" }, "KAFKA_FILE_UNREADABLE", "/nowhere/token"],
  ["kafkas://a", { MILLRACE_KAFKA_CA: "/nowhere/ca.pem" }, "KAFKA_FILE_UNREADABLE", "MILLRACE_KAFKA_CA"],
  ["kafkas://a", { MILLRACE_KAFKA_CERT: import.meta.filename }, "KAFKA_LOGIN_MISSING", "MILLRACE_KAFKA_KEY"],
  ["kafkas://a?sasl=aws-msk-iam", {}, "KAFKA_REGION_UNKNOWN", "AWS_REGION"],
  ["kafka://a", { MILLRACE_KAFKA_VIA: "a=b=c,d" }, "KAFKA_URL_MALFORMED", "broker-1:9092=127.0.0.1:19092"],
];
test.each(refused)("[K77] %s with %o is refused by %s, which says what would be right", (url, env, code, hint) => {
  const call = (): unknown => parseClusterUrl(url, env);
  expect(call).toThrow(ClusterUrlError);
  expect(call).toThrow(expect.objectContaining({ code, message: expect.stringContaining(hint) }));
  expect(call).not.toThrow(expect.objectContaining({ message: expect.stringMatching(/s3c/) }));
});

test("[K77] secrets go in plain words only where that was allowed, or to this machine", () => {
  expect(parseClusterUrl("kafka://a?sasl=plain&clear-text=allowed", login).sasl).toBeDefined();
  expect(parseClusterUrl("kafka://localhost,127.0.0.1:1,[::1]?sasl=plain", login).sasl).toBeDefined();
});

test("[K77] MSK's tokens come from Amazon's signer, for the region that the brokers' names say", async () => {
  expect(regionOf("b-1.shop.abc.c2.kafka.eu-central-1.amazonaws.com")).toBe("eu-central-1");
  expect(regionOf("boot-x.c1.kafka-serverless.us-east-1.amazonaws.com")).toBe("us-east-1");
  expect(regionOf("kafka.example.com")).toBeUndefined();
  const signer = file("signer.cjs", "exports.generateAuthToken = async ({ region }) => ({ token: 'token for ' + region, expiryTime: 1 });");
  expect(await mskToken("eu-central-1", signer)()).toBe("token for eu-central-1");
  const missing = (): unknown => mskToken("eu-central-1", "no-such-signer");
  expect(missing).toThrow(
    expect.objectContaining({ code: "KAFKA_SIGNER_MISSING", message: expect.stringContaining("npm install aws-msk-iam-sasl-signer-js") }),
  );
});
