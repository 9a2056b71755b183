import { relative } from "node:path";
import { EngineFailure } from "../engine/engine-failure.ts";
import { makeFolder, whyNoFolder } from "../make-folder.ts";
import type { DevCode } from "./dev-codes.ts";
import type { DevOptions } from "./options.ts";

/** Makes the data folder, if it is not there. @throws {EngineFailure} `DEV_DATA_FOLDER` */
export function makeDataFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new EngineFailure(
      "DEV_DATA_FOLDER" satisfies DevCode,
      `${folder} cannot be the data folder: ${whyNoFolder(error)}; give another --data`,
    );
  }
}

/** What kept the process from starting, with what to do about it; undefined for a bug. */
export function startProblem(error: unknown, { host, port, data }: DevOptions): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const { code, message } = error;
  switch (code) {
    case "EADDRINUSE":
      return `${"DEV_PORT_TAKEN" satisfies DevCode} port ${port} of ${host} is taken: give another --port, or none for any that is free`;
    case "EACCES":
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${"DEV_CANNOT_LISTEN" satisfies DevCode} ${host}:${port} cannot be listened on: ${code}`;
    case "BROKER_LOCKED":
      return `${code} ${message}\nanother process uses ${relative(process.cwd(), data) || data}: end it, or start with another --data`;
    case "BROKER_CORRUPT":
      return `${code} ${message}\nstart on a backup of the folder, or on an empty one by --data; the damaged one is left as it is`;
    case "DEV_WINDOW_CHANGED":
      return `${code} ${message}\nold rows would be shown as of the new length: give the node a new name, or start on another --data (a demo: delete ${relative(process.cwd(), data) || data})`;
    default:
      return error instanceof EngineFailure ? `${code} ${message}` : undefined;
  }
}
