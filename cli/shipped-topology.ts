import { fileURLToPath } from "node:url";

/** The topology that the repository ships. */
export const shippedTopology: string = fileURLToPath(new URL("../topology/commerce.yaml", import.meta.url));

const folder = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** What a topology is checked against, beside its own text: the schemas of events, and the processors. */
export const checkedAgainst: readonly string[] = [folder("schemas"), folder("processors")];
