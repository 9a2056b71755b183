import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./run-program.ts";

/** Paths of PEM files. */
export type Certificates = {
  readonly ca: string;
  /** For `localhost`, and not for its address. */
  readonly server: Identity;
  /** For the principal `User:CN=millrace`. */
  readonly client: Identity;
  /** Of an authority that nobody trusts. */
  readonly strangerCa: string;
};
export type Identity = {
  readonly key: string;
  readonly certificate: string;
  /** Both in one file, as Kafka's PEM key stores want them. */
  readonly keyStore: string;
};

/** A certificate authority of the test's own and what it signs, by `openssl`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  mkdirSync(folder, { recursive: true });
  const ca = await makeAuthority(folder, "ca");
  const stranger = await makeAuthority(folder, "stranger");
  return {
    ca: ca.certificate,
    server: await makeIdentity(folder, ca, {
      name: "server",
      subject: "/CN=localhost",
      extension: "subjectAltName=DNS:localhost",
    }),
    client: await makeIdentity(folder, ca, { name: "client", subject: "/CN=millrace", extension: "extendedKeyUsage=clientAuth" }),
    strangerCa: stranger.certificate,
  };
}

type Authority = { readonly key: string; readonly certificate: string };
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const key = join(folder, `${name}.key`);
  const certificate = join(folder, `${name}.pem`);
  const options = ["-days", "2", "-subj", `/CN=${name} of a test`, "-keyout", key, "-out", certificate];
  await outputOf("openssl", ["req", "-x509", ...newKey, ...options]);
  return { key, certificate };
}

async function makeIdentity(
  folder: string,
  ca: Authority,
  { name, subject, extension }: { readonly name: string; readonly subject: string; readonly extension: string },
): Promise<Identity> {
  const file = (ending: string): string => join(folder, `${name}.${ending}`);
  await outputOf("openssl", ["req", ...newKey, "-subj", subject, "-keyout", file("key"), "-out", file("csr")]);
  writeFileSync(file("ext"), extension);
  const signer = ["-CA", ca.certificate, "-CAkey", ca.key, "-CAcreateserial", "-days", "2", "-extfile", file("ext")];
  await outputOf("openssl", ["x509", "-req", "-in", file("csr"), ...signer, "-out", file("pem")]);
  writeFileSync(file("store"), readFileSync(file("key"), "utf8") + readFileSync(file("pem"), "utf8"));
  return { key: file("key"), certificate: file("pem"), keyStore: file("store") };
}
