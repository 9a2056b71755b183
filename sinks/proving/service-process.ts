import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

type User = { readonly uid: number; readonly gid: number };

/** Whom services run as: root gives way to `$MILLRACE_SERVICE_USER`, or nobody. */
export function serviceUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const name = process.env["MILLRACE_SERVICE_USER"] ?? "nobody";
  const id = (which: string): number => Number(execFileSync("id", [which, "--", name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => void server.listen(0, "127.0.0.1", settle));
  const { port } = server.address() as AddressInfo;
  await new Promise((settle) => server.close(settle));
  return port;
}

/** A folder of the service's own. */
export function serviceFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
  const user = serviceUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** A server of a test, which ends with it, were it by SIGKILL where the system can do that. */
export class ServiceProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #gone: Promise<void>;
  #said = "";

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#gone = new Promise((settle) => child.once("exit", () => settle()));
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (this.#said += bytes.toString()));
  }

  /** Settles when `answers` did, a real answer of its protocol. @throws {Error} with what it said, when it ended or took 30 s */
  static async start(command: readonly string[], folder: string, answers: () => Promise<unknown>): Promise<ServiceProcess> {
    const prefix = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0 ? ["setpriv", "--pdeathsig", "KILL"] : [];
    const [file, ...args] = [...prefix, ...command];
    const service = new ServiceProcess(
      spawn(file!, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], ...serviceUser() }).on("error", () => undefined),
      folder,
    );
    const until = performance.now() + 30_000;
    for (;;) {
      try {
        await answers();
        return service;
      } catch (error) {
        if (performance.now() > until || service.#child.exitCode !== null)
          throw new Error(`${command[0]} does not run: ${service.#said}`, { cause: error });
        await new Promise((settle) => setTimeout(settle, 25));
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGINT");
    await this.#gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
