import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

export type LspPosition = { readonly line: number; readonly character: number };
export type LspDiagnostic = { readonly message: string; readonly range: { readonly start: LspPosition; readonly end: LspPosition } };
export type LspCompletion = {
  readonly label: string;
  readonly documentation?: string | { readonly value: string };
  readonly insertText?: string;
};

/** The real yaml-language-server over its standard streams, as an editor runs it. Lines and characters count from 0. */
export class LanguageServer {
  private readonly child: ChildProcess;
  private readonly answers = new Map<number, (result: unknown) => void>();
  private readonly opened = new Map<string, number>();
  private readonly waiting = new Map<string, (diagnostics: readonly LspDiagnostic[]) => void>();
  private received = Buffer.alloc(0);
  private asked = 0;

  private constructor() {
    const bin = createRequire(import.meta.url).resolve("yaml-language-server/bin/yaml-language-server");
    this.child = spawn(process.execPath, [bin, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout!.on("data", (part: Buffer) => this.receive(part));
  }

  static async start(): Promise<LanguageServer> {
    const server = new LanguageServer();
    const capabilities = {
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown"] } },
        hover: { contentFormat: ["markdown"] },
        publishDiagnostics: {},
      },
      workspace: { configuration: true },
    };
    await server.ask("initialize", { processId: process.pid, rootUri: null, capabilities });
    server.tell("initialized", {});
    return server;
  }

  /** Opens a document, or changes it; answers what the server finds wrong in it. */
  async write(path: string, text: string): Promise<readonly LspDiagnostic[]> {
    const uri = pathToFileURL(path).href;
    const version = (this.opened.get(uri) ?? 0) + 1;
    this.opened.set(uri, version);
    const found = new Promise<readonly LspDiagnostic[]>((settle) => this.waiting.set(uri, settle));
    if (version === 1) this.tell("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version, text } });
    else this.tell("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
    return found;
  }

  async complete(path: string, position: LspPosition): Promise<readonly LspCompletion[]> {
    const answer = await this.ask("textDocument/completion", { textDocument: { uri: pathToFileURL(path).href }, position });
    return (answer as { items: readonly LspCompletion[] } | null)?.items ?? [];
  }

  /** The hover text, in Markdown. */
  async hover(path: string, position: LspPosition): Promise<string> {
    const answer = await this.ask("textDocument/hover", { textDocument: { uri: pathToFileURL(path).href }, position });
    return (answer as { contents: { value: string } } | null)?.contents.value ?? "";
  }

  async stop(): Promise<void> {
    const ended = new Promise((settle) => this.child.once("exit", settle));
    await this.ask("shutdown", null);
    this.tell("exit", null);
    await ended;
  }

  private ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.asked;
    const answer = new Promise<unknown>((settle) => this.answers.set(id, settle));
    this.send({ id, method, params });
    return answer;
  }

  private tell(method: string, params: unknown): void {
    this.send({ method, params });
  }

  private send(message: Readonly<Record<string, unknown>>): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.child.stdin!.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  private receive(part: Buffer): void {
    this.received = Buffer.concat([this.received, part]);
    for (;;) {
      const end = this.received.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/i.exec(this.received.subarray(0, Math.max(end, 0)).toString())?.[1]);
      if (end < 0 || this.received.length < end + 4 + length) return;
      const body = this.received.subarray(end + 4, end + 4 + length).toString();
      this.received = this.received.subarray(end + 4 + length);
      this.take(JSON.parse(body) as Message);
    }
  }

  private take({ id, method, params, result, error }: Message): void {
    if (method === undefined) {
      if (error !== undefined) throw new Error(error.message);
      this.answers.get(id!)?.(result);
      return;
    }
    if (method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics, version } = params as { uri: string; diagnostics: readonly LspDiagnostic[]; version?: number };
      if (version === undefined || version === this.opened.get(uri)) this.waiting.get(uri)?.(diagnostics);
      return;
    }
    // What the server asks its editor: settings (nothing but what the file says), and to be told of more.
    if (id !== undefined) this.send({ id, result: method === "workspace/configuration" ? settingsOf(params) : null });
  }
}

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
};

/** No schema but that of the file itself: the store on the web is not asked. */
function settingsOf(params: unknown): readonly unknown[] {
  const yaml = { validate: true, hover: true, completion: true, schemaStore: { enable: false }, yamlVersion: "1.2" };
  return (params as { items: readonly { section?: string }[] }).items.map(({ section }) => (section === "yaml" ? yaml : {}));
}
