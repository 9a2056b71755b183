import { spawn } from "node:child_process";

/** What a program writes, given this to read. @throws {Error} it could not be run, or ended otherwise than with 0: what it said */
export async function outputOf(program: string, args: readonly string[], input: Uint8Array = new Uint8Array()): Promise<Buffer> {
  const child = spawn(program, args, { stdio: "pipe" });
  const chunks: Buffer[] = [];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  child.stdin.on("error", () => undefined).end(input);
  await new Promise<void>((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => (code === 0 ? done() : failed(new Error(`${program} ended with ${code}: ${said}`))));
  });
  return Buffer.concat(chunks);
}
