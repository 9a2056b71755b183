import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writevSync } from "node:fs";
import { BrokerError } from "#broker/broker-error.ts";

/** A file that grows at its end and is read anywhere. */
export class RestoredFile {
  readonly path: string;
  end: number;
  private readonly fd: number;
  private closed = false;

  /** Makes it when it is missing; what lies behind `end` was never counted on. @throws {BrokerError} `BROKER_IO`, `BROKER_CORRUPT` when it is shorter */
  constructor(path: string, end: number) {
    this.path = path;
    this.end = end;
    this.fd = said(path, () => openSync(path, end === 0 ? "w+" : "r+"));
    try {
      const { size } = said(path, () => fstatSync(this.fd));
      if (size < end) throw new BrokerError("BROKER_CORRUPT", `the file has ${size} bytes of ${end}`, { at: path });
      if (size > end) said(path, () => ftruncateSync(this.fd, end));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Answers where it lies now. @throws {BrokerError} `BROKER_DISK_FULL`, `BROKER_IO`: then nothing counts of it */
  append(parts: readonly Uint8Array[]): number {
    const start = this.end;
    let left = parts.filter(({ length }) => length > 0);
    let at = start;
    while (left.length > 0) {
      let written = said(this.path, () => writevSync(this.fd, left.slice(0, mostParts), at));
      at += written;
      let whole = 0;
      while (whole < left.length && written >= left[whole]!.length) written -= left[whole++]!.length;
      left = left.slice(whole);
      if (written > 0) left[0] = left[0]!.subarray(written);
    }
    this.end = at;
    return start;
  }

  /** @throws {BrokerError} `BROKER_IO`, `BROKER_CORRUPT` when it ends before */
  read(start: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const count = said(this.path, () => readSync(this.fd, bytes, at, length - at, start + at));
      if (count === 0) throw new BrokerError("BROKER_CORRUPT", `the file ends before byte ${start + length}`, { at: this.path });
      at += count;
    }
    return bytes;
  }

  /** Resolves to whether all of it is on the disk. */
  sync(): Promise<boolean> {
    return new Promise((resolve) => fdatasync(this.fd, (error) => resolve(error === null)));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }

  delete(): void {
    this.close();
    unlinkSync(this.path);
  }
}

/** Parts of one system call. */
const mostParts = 512;

function said<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new BrokerError("BROKER_DISK_FULL", "the disk is full: nothing was written", { retryable: true, at: path, cause: error });
    throw new BrokerError("BROKER_IO", "the file cannot be read or written", { retryable: false, at: path, cause: error });
  }
}
