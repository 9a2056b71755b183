import { fileURLToPath } from "node:url";

/** The topology that the repository ships. */
export const shippedTopology: string = fileURLToPath(new URL("../topology/commerce.yaml", import.meta.url));
