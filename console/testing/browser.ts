import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A browser that speaks the Chrome DevTools Protocol, if this machine has one. */
export const browserPath: string | undefined = ["chromium", "chromium-browser", "google-chrome", "chrome"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

export type Page = {
  /** The value of an expression in the page, as JSON can carry it. */
  evaluate(expression: string): Promise<unknown>;
  /** What the page threw or was refused so far. */
  readonly faults: readonly string[];
  close(): Promise<void>;
};

/** Opens an address in a browser of its own, without a window. */
export async function openPage(url: string): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), "millrace-browser-"));
  // A sandbox inside a container of root's is refused.
  const rights = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = spawn(
    browserPath!,
    ["--headless=new", "--disable-gpu", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...rights],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const exited = new Promise<void>((settle) => browser.once("exit", () => settle()));
  const endpoint = await new Promise<string>((settle, reject) => {
    let said = "";
    browser.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const match = /DevTools listening on ws:\/\/([^/]+)/.exec(said);
      if (match) settle(match[1]!);
    });
    void exited.then(() => reject(new Error(`the browser ended: ${said.slice(-500)}`)));
  });
  const target = (await (await fetch(`http://${endpoint}/json/new?about:blank`, { method: "PUT" })).json()) as {
    webSocketDebuggerUrl: string;
  };
  const session = await openSession(target.webSocketDebuggerUrl);
  await session.send("Runtime.enable");
  await session.send("Log.enable");
  await session.send("Page.navigate", { url });
  return {
    faults: session.faults,
    async evaluate(expression) {
      const { result } = (await session.send("Runtime.evaluate", { expression, returnByValue: true })) as { result: { value?: unknown } };
      return result.value;
    },
    async close() {
      browser.kill();
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly params?: unknown;
};
type Session = { readonly faults: string[]; send(method: string, params?: object): Promise<unknown> };

async function openSession(address: string): Promise<Session> {
  const socket = new WebSocket(address);
  await new Promise<void>((settle, reject) => {
    socket.addEventListener("open", () => settle());
    socket.addEventListener("error", () => reject(new Error("the browser does not answer")));
  });
  const waiting = new Map<number, (message: Message) => void>();
  const faults: string[] = [];
  let sent = 0;
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    else if (message.method === "Runtime.exceptionThrown") faults.push(JSON.stringify(message.params));
    else if (message.method === "Log.entryAdded") {
      const { entry } = message.params as { entry: { level: string; source: string; text: string } };
      if (entry.level === "error") faults.push(`${entry.source}: ${entry.text}`);
    }
  });
  return {
    faults,
    send: (method, params = {}) =>
      new Promise((settle, reject) => {
        const id = ++sent;
        waiting.set(id, ({ result, error }) => {
          waiting.delete(id);
          if (error === undefined) settle(result);
          else reject(new Error(JSON.stringify(error)));
        });
        socket.send(JSON.stringify({ id, method, params }));
      }),
  };
}
