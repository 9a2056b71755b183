import { pbkdf2Sync, randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  AclOperations,
  AclPermissionTypes,
  alterUserScramCredentialsV0,
  createAclsV3,
  createTopicsV7,
  describeAclsV3,
  describeUserScramCredentialsV0,
  ResourcePatternTypes,
  ResourceTypes,
} from "@platformatic/kafka";
import { startCluster } from "../../../../infra/kafka/cluster.ts";
import { freePorts } from "../../../../infra/kafka/node/ports.ts";
import type { Address } from "../wire/cluster.ts";
import { KafkaClient } from "../wire/kafka-client.ts";
import type { KafkaError } from "../wire/kafka-error.ts";
import { persist } from "../wire/persist.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { until } from "./kafka-test.ts";

/** A node that asks who comes, and lets nobody do what was not allowed. */
export type SecuredCluster = {
  /** SASL over plain TCP. */
  readonly sasl: Address;
  /** TLS; clients show a certificate. */
  readonly tls: Address;
  /** SASL over TLS. */
  readonly saslTls: Address;
  readonly certificates: Certificates;
  /** May do all, over plain TCP. */
  readonly admin: KafkaClient;
  createTopic(name: string): Promise<void>;
  createScramUser(name: string, password: string): Promise<void>;
  /** To read and write topics of this name's beginning, with transactional ids and groups of it. */
  allow(principal: string, prefix: string): Promise<void>;
  /** To write topics of this name's beginning, and no more. */
  allowWriting(principal: string, prefix: string): Promise<void>;
  stop(): Promise<void>;
};

/** Known by PLAIN; SCRAM users are created. */
export const plainUser = { name: "shop", password: 'it\'s "plain" = ä' } as const;
/** How long a login lasts; before it ends, clients say again who they are. */
export const sessionMs = 2000;

const mechanisms = { "scram-sha-256": 1, "scram-sha-512": 2 } as const;

export async function startSecuredCluster(): Promise<SecuredCluster> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-secured-"));
  const certificates = await makeCertificates(join(folder, "certificates"));
  // The brokers may run as another user than the tests.
  await promisify(execFile)("chmod", ["-R", "a+rX", folder]);
  const [own, plain, secure] = (await freePorts(3)) as [Ports, Ports, Ports];
  const ports = { own: own.port, controller: own.controllerPort, sasl: plain.port, tls: secure.port, saslTls: secure.controllerPort };
  const settings = brokerSettings(ports, certificates);
  const cluster = await startCluster({ dataFolder: join(folder, "kafka"), port: ports.own, settings });
  const admin = new KafkaClient({ bootstrap: [{ host: "127.0.0.1", port: ports.own }], clientId: "test" }, "admin");
  return {
    sasl: { host: "localhost", port: ports.sasl },
    tls: { host: "localhost", port: ports.tls },
    saslTls: { host: "localhost", port: ports.saslTls },
    certificates,
    admin,
    createTopic: (name) => createTopic(admin, name),
    createScramUser: (name, password) => createScramUser(admin, name, password),
    allow: (principal, prefix) => allow(admin, { principal, prefix, rules: readAndWrite }),
    allowWriting: (principal, prefix) => allow(admin, { principal, prefix, rules: readAndWrite.slice(0, 1) }),
    async stop() {
      await admin.close();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Ports = { readonly port: number; readonly controllerPort: number };

function brokerSettings(
  ports: { readonly own: number; readonly controller: number; readonly sasl: number; readonly tls: number; readonly saslTls: number },
  { ca, server }: Certificates,
): Record<string, string> {
  const own = `PLAINTEXT://127.0.0.1:${ports.own},CONTROLLER://127.0.0.1:${ports.controller}`;
  const open = [`SASL_PLAINTEXT://localhost:${ports.sasl}`, `SSL://localhost:${ports.tls}`, `SASL_SSL://localhost:${ports.saslTls}`];
  const login = (module: string): string => `org.apache.kafka.common.security.${module} required`;
  const password = plainUser.password.replaceAll(/["\\]/g, "\\$&");
  const jaas = {
    "plain.sasl.jaas.config": `${login("plain.PlainLoginModule")} user_${plainUser.name}="${password}";`,
    "scram-sha-256.sasl.jaas.config": `${login("scram.ScramLoginModule")};`,
    "scram-sha-512.sasl.jaas.config": `${login("scram.ScramLoginModule")};`,
    // Takes tokens that nobody signed, and looks only at their subject and times.
    "oauthbearer.sasl.jaas.config": `${login("oauthbearer.OAuthBearerLoginModule")} unsecuredLoginStringClaim_sub="broker";`,
  };
  const listeners = ["sasl_plaintext", "sasl_ssl"].flatMap((listener) =>
    Object.entries(jaas).map(([name, value]) => [`listener.name.${listener}.${name}`, value]),
  );
  return {
    listeners: [own, ...open].join(","),
    "advertised.listeners": [own, ...open].join(","),
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    "connections.max.reauth.ms": String(sessionMs),
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": server.keyStore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": ca,
    "listener.name.ssl.ssl.client.auth": "required",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    // Who comes by the two plain listeners is nobody, and is the broker itself and the tests' admin.
    "super.users": "User:ANONYMOUS",
    ...Object.fromEntries(listeners),
  };
}

async function createTopic(admin: KafkaClient, name: string): Promise<void> {
  const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] };
  await admin.ask(await admin.controller(), createTopicsV7.api, [[topic], 10_000, false], `creating ${name}`);
  // A moment passes before the broker knows what its controller has made.
  const mayPass = (error: KafkaError): boolean => error.is("UNKNOWN_TOPIC_OR_PARTITION");
  await persist(`leaders of ${name}`, { forMs: 10_000, mayPass }, () => admin.leader(name, 1, true));
}

async function createScramUser(admin: KafkaClient, name: string, password: string): Promise<void> {
  const iterations = 4096;
  const credentials = Object.entries(mechanisms).map(([mechanism, number]) => {
    const salt = randomBytes(20);
    const [bytes, hash] = mechanism === "scram-sha-256" ? [32, "sha256"] : [64, "sha512"];
    const saltedPassword = pbkdf2Sync(password, salt, iterations, bytes as number, hash as string);
    return { name, mechanism: number, iterations, salt, saltedPassword };
  });
  // One mechanism a request: Kafka takes each user once.
  for (const credential of credentials)
    await admin.ask(await admin.controller(), alterUserScramCredentialsV0.api, [[], [credential]], `creating ${name}`);
  await until(
    async () => {
      const { results } = await admin.ask("any", describeUserScramCredentialsV0.api, [[{ name }]], `how ${name} logs in`);
      return results[0]?.credentialInfos.length === credentials.length;
    },
    10_000,
    `the broker knows ${name}`,
  );
}

const { TOPIC, TRANSACTIONAL_ID, GROUP } = ResourceTypes;
const { READ, WRITE } = AclOperations;
const readAndWrite = [
  [TOPIC, WRITE],
  [TOPIC, READ],
  [TRANSACTIONAL_ID, WRITE],
  [GROUP, READ],
] as const;

async function allow(
  admin: KafkaClient,
  {
    principal,
    prefix,
    rules,
  }: { readonly principal: string; readonly prefix: string; readonly rules: readonly (typeof readAndWrite)[number][] },
): Promise<void> {
  const acls = rules.map(([resourceType, operation]) => ({
    resourceType,
    resourceName: prefix,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal,
    host: "*",
    operation,
    permissionType: AclPermissionTypes.ALLOW,
  }));
  await admin.ask(await admin.controller(), createAclsV3.api, [acls], `allowing ${principal}`);
  // The controller answers before the broker has heard of it.
  const { ANY } = ResourcePatternTypes;
  const filter = { resourceType: ResourceTypes.ANY, resourceName: prefix, resourcePatternType: ANY, principal, host: null };
  const all = { ...filter, operation: AclOperations.ANY, permissionType: AclPermissionTypes.ANY };
  await until(
    async () => {
      const { resources } = await admin.ask("any", describeAclsV3.api, [all], `what ${principal} may`);
      return resources.flatMap(({ acls: known }) => known).length === rules.length;
    },
    10_000,
    `the broker lets ${principal} in`,
  );
}
