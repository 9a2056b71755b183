import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";

/** Where data lies when the processor is to be measured, and where when the disk takes part. */
export const memoryFolder: string = process.env["BENCH_DIR"] ?? "/dev/shm";
export const diskFolder: string = process.env["BENCH_DISK"] ?? tmpdir();

/** The core that is measured, and the one for whatever makes the load. */
export const engineCore: string = process.env["BENCH_CPU"] ?? "1";
export const loadCore: string = process.env["BENCH_LOAD_CPU"] ?? "0";

/** Makes a folder of its own for one run, and removes it behind the run. */
export async function withFolder<T>(parent: string, run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(parent, "millrace-bench-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the figures were made on, in one line. */
export function machineFacts(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model ?? "unknown"}, ${gib} GiB, node ${process.version}; load average ${load()}`;
}

/** How busy the machine is: figures made above about 1 a core are not worth much. */
export const load = (): string =>
  loadavg()
    .map((n) => n.toFixed(1))
    .join(" ");

/** Milliseconds that one `fdatasync` behind a write of 64 KiB takes on the disk: median and 99th percentile of 200. */
export function probeDisk(folder: string = diskFolder): { readonly p50: number; readonly p99: number } {
  const probes = 200;
  const path = join(mkdtempSync(join(folder, "millrace-probe-")), "probe");
  const file = openSync(path, "w");
  const block = Buffer.alloc(64 << 10, 1);
  const times: number[] = [];
  for (let i = 0; i < probes; i++) {
    const before = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    times.push(performance.now() - before);
  }
  closeSync(file);
  rmSync(join(path, ".."), { recursive: true });
  times.sort((a, b) => a - b);
  return { p50: times[probes / 2]!, p99: times[Math.floor(probes * 0.99)]! };
}
