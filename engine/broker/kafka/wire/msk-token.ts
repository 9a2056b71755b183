import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { ClusterUrlError } from "./cluster-url-error.ts";

/** Amazon's own signer. It brings its SDK along (75 packages, 29 MB), so who needs it installs it. */
const signerPackage = "aws-msk-iam-sasl-signer-js";

/**
 * Tokens for Amazon MSK with IAM, signed with the credentials that Amazon's SDK finds (environment, profile, role); one lasts 15 minutes.
 * @throws {ClusterUrlError} `KAFKA_SIGNER_MISSING`
 */
export function mskToken(region: string, signer: string = signerPackage): () => Promise<string> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(signer);
  } catch (error) {
    throw new ClusterUrlError("KAFKA_SIGNER_MISSING", `sasl=aws-msk-iam needs Amazon's signer: npm install ${signerPackage}`, error);
  }
  return async () => {
    const { generateAuthToken } = (await import(pathToFileURL(path).href)) as Signer;
    return (await generateAuthToken({ region })).token;
  };
}

type Signer = { readonly generateAuthToken: (options: { readonly region: string }) => Promise<{ readonly token: string }> };

/** The region that a broker of MSK has in its name, e.g. `b-1.shop.abc.c2.kafka.eu-central-1.amazonaws.com`. */
export const regionOf = (host: string): string | undefined =>
  /\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(host)?.[1];
