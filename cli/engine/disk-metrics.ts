import { statfs } from "node:fs/promises";
import { Gauge, type Registry } from "prom-client";

/** Names of what is told of the disk that holds log and state; dashboards and alerts use them as they stand here. */
export const diskMetricNames = { free: "millrace_disk_free_bytes", size: "millrace_disk_size_bytes" } as const;

/** The disk of a folder, as it stands when it is asked for; a folder that is gone says nothing. */
export function addDiskMetrics(registry: Registry, folder: string): void {
  const gauge = (name: string, help: string, of: "bavail" | "blocks"): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const disk = await statfs(folder).catch(() => undefined);
        if (disk === undefined) this.reset();
        else this.set(disk[of] * disk.bsize);
      },
    });
  gauge(diskMetricNames.free, "Bytes that this process may still write to the disk of its data.", "bavail");
  gauge(diskMetricNames.size, "Bytes of the disk of its data.", "blocks");
}
