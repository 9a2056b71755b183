import type { TestShop } from "./test-shop.ts";

export type StreamEvent = { readonly name: string; readonly id: string | undefined; readonly data: Readonly<Record<string, unknown>> };

/** Reads events as EventSource does, and puts together what the query shows. */
export class StreamClient {
  readonly rows = new Map<string, Readonly<Record<string, unknown>>>();
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  lastId = "";
  retryMs: number | undefined;
  finalBefore: readonly string[] = [];
  /** Hears of each row before it is taken. */
  onRow: (key: string, row: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>> | undefined) => void = () =>
    undefined;
  private reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  private text = "";
  private readonly decoder = new TextDecoder();

  /** Takes an answer's body over; what is left of the one before it is forgotten. */
  open(response: Response): this {
    this.text = "";
    this.reader = response.body!.getReader();
    return this;
  }

  /** Opens the stream, going on where this client stands. */
  async connect(shop: Pick<TestShop, "get">, path: string): Promise<Response> {
    const response = await shop.get(path, this.lastId === "" ? {} : { "Last-Event-ID": this.lastId });
    if (response.status === 200) this.open(response);
    return response;
  }

  /** Reads until `done`, or the body's end; answers whether `done` held. */
  async until(done: () => boolean, timeoutMs = 20_000): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (!done()) {
      if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms; events: ${this.names().slice(-20).join(" ")}`);
      if (!(await this.piece())) return done();
    }
    return true;
  }

  /** Reads to the next event of the name. */
  async next(name: string): Promise<StreamEvent> {
    const from = this.events.length;
    await this.until(() => this.events.slice(from).some((one) => one.name === name));
    return this.events.slice(from).find((one) => one.name === name)!;
  }

  names(): string[] {
    return this.events.map(({ name }) => name);
  }

  /** Rows as JSON texts, in no order that counts. */
  shown(): string[] {
    return [...this.rows.values()].map((row) => JSON.stringify(row)).toSorted();
  }

  /** With whether each is final, as a pull says it. */
  shownFinal(): string[] {
    return [...this.rows]
      .map(([key, row]) =>
        JSON.stringify({ ...row, final: String(row["window_start"]) < (this.finalBefore[Number(key.split("/")[0])] ?? "") }),
      )
      .toSorted();
  }

  /** Reads one piece; false at the end. A cut in the midst of an event is as if that had not come. */
  async piece(): Promise<boolean> {
    const { done, value } = await this.reader!.read();
    if (done) return false;
    this.text += this.decoder.decode(value, { stream: true });
    for (let end = this.text.indexOf("\n\n"); end >= 0; end = this.text.indexOf("\n\n")) {
      this.take(this.text.slice(0, end).split("\n"));
      this.text = this.text.slice(end + 2);
    }
    return true;
  }

  async cut(): Promise<void> {
    await this.reader?.cancel();
    this.reader = undefined;
  }

  private take(lines: readonly string[]): void {
    let name = "";
    let data = "";
    let id: string | undefined;
    for (const line of lines) {
      if (line.startsWith(":")) this.comments.push(line);
      else if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
      else if (line.startsWith("id: ")) id = line.slice(4);
      else if (line.startsWith("retry: ")) this.retryMs = Number(line.slice(7));
    }
    if (id !== undefined) this.lastId = id;
    if (name !== "") this.apply({ name, id, data: JSON.parse(data) as StreamEvent["data"] });
  }

  private apply(event: StreamEvent): void {
    this.events.push(event);
    const { name, data } = event;
    if (name === "reset" || (name === "snapshot" && data["part"] === 0)) this.rows.clear();
    if (name === "snapshot" || name === "upsert") {
      for (const [key, row] of data["rows"] as [string, Record<string, unknown>][]) {
        this.onRow(key, row, this.rows.get(key));
        this.rows.set(key, row);
      }
    }
    if (name === "delete") for (const key of data["keys"] as string[]) this.rows.delete(key);
    if (name === "expire") {
      for (const key of this.rows.keys()) {
        const [partition, start] = key.split("/");
        if (Number(partition) === data["partition"] && Number(start) < (data["beforeMs"] as number)) this.rows.delete(key);
      }
    }
    if (name === "progress" && data["finalBefore"] !== undefined) this.finalBefore = data["finalBefore"] as string[];
  }
}

/** All rows that a pull shows, as `StreamClient.shown` gives them. */
export async function pulled(shop: Pick<TestShop, "get">, query: string, { final = false } = {}): Promise<string[]> {
  const rows: Record<string, unknown>[] = [];
  for (let path: string | undefined = `/v1/queries/${query}${query.includes("?") ? "&" : "?"}limit=10000`; path !== undefined;) {
    const response: Response = await shop.get(path);
    rows.push(...((await response.json()) as { readonly rows: Record<string, unknown>[] }).rows);
    path = /<(.*)>/.exec(response.headers.get("link") ?? "")?.[1];
  }
  if (!final) for (const row of rows) delete row["final"];
  return rows.map((row) => JSON.stringify(row)).toSorted();
}
