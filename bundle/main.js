// `npm run bundle`, which `npm ci` runs too. Nothing depends on it: where the bundler is not installed, or Node reads no TypeScript, commands and page
// start from their sources.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

try {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const { writeBundle } = await import("./bundle.ts");
  const { writePage } = await import("./bundle-page.ts");
  await told("dist/", () => writeBundle(root));
  await told("console/dist/", () => writePage(root));
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "ERR_UNKNOWN_FILE_EXTENSION") throw error;
  console.log(`no bundle (${error.message}): commands start from their sources, which takes them longer`);
}

async function told(place, write) {
  const begun = performance.now();
  const { files, bytes, modules } = await write();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${modules} modules in ${files} files of ${place}, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${seconds} s`);
}
