import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** A validator that asserts formats, and knows the words of OpenAPI and ours. */
export function newValidator(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: false, discriminator: false });
  formats.default(ajv);
  ajv.addFormat("json-pointer", true);
  for (const word of ["x-version", "x-topic", "discriminator"]) ajv.addKeyword(word);
  return ajv;
}

export const complaintsOf = (validate: ValidateFunction): string =>
  (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join("; ");
