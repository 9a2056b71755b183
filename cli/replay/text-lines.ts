import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { ReplayError } from "./replay-error.ts";

/** A physical line and what ended it: a file may mix `\n`, `\r\n` and `\r`; the last line may have no end. */
export type TextLine = { readonly number: number; readonly text: string; readonly end: string };

/**
 * Reads the lines of a text file, numbered from 1; UTF-8, its byte order mark left out; plain or gzip, told by its content.
 *
 * @throws {ReplayError} `REPLAY_FILE_UNREADABLE`
 */
export async function* textLines(file: string): AsyncGenerator<TextLine> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let number = 0;
  try {
    for await (const chunk of await unpacked(file)) {
      const text = rest + decoder.decode(chunk, { stream: true });
      // A `\r` at the end of a chunk may be half of `\r\n`.
      const settled = text.endsWith("\r") ? text.length - 1 : text.length;
      let from = 0;
      for (const match of text.slice(0, settled).matchAll(/\r\n|\n|\r/g)) {
        yield { number: ++number, text: text.slice(from, match.index), end: match[0] };
        from = match.index + match[0].length;
      }
      rest = text.slice(from);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReplayError("REPLAY_FILE_UNREADABLE", `cannot read ${file} after line ${number}: ${why}`, cause);
  }
  rest += decoder.decode();
  if (rest.endsWith("\r")) yield { number: ++number, text: rest.slice(0, -1), end: "\r" };
  else if (rest !== "") yield { number: ++number, text: rest, end: "" };
}

async function unpacked(file: string): Promise<AsyncIterable<Buffer>> {
  const zipped = await isGzip(file);
  const source = createReadStream(file);
  // An error of either ends the iteration over the last; there is nothing else to tell.
  return zipped ? pipeline(source, createGunzip(), () => undefined) : source;
}

async function isGzip(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return buffer[0] === 0x1f && buffer[1] === 0x8b;
}
