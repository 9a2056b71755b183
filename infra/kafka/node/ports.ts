import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { ClusterError } from "../cluster-error.ts";

/** Where a node listens on the loopback: for clients, and for the controllers' quorum. */
export type NodePorts = { readonly port: number; readonly controllerPort: number };

const loopback = "127.0.0.1";
const apart = 10_000;

/** Node 1 at `port`, node 2 ten thousand above it, node 3 twenty; each controller one above its broker. @throws {ClusterError} `KAFKA_USAGE` */
export function portsFrom(port: number, nodes: number): readonly NodePorts[] {
  const last = port + (nodes - 1) * apart + 1;
  if (!Number.isInteger(port) || port < 1 || last > 65_535) {
    throw new ClusterError(
      "KAFKA_USAGE",
      `${nodes} nodes from port ${port} on need ports up to ${last}; the first is to lie in 1..${65_534 - (nodes - 1) * apart}`,
    );
  }
  return Array.from({ length: nodes }, (_, i) => ({ port: port + i * apart, controllerPort: port + i * apart + 1 }));
}

/**
 * Ports that nobody listens on. They lie below those that systems give to outgoing connections: a node that was killed must find its port free
 * when it comes back.
 */
export async function freePorts(nodes: number): Promise<readonly NodePorts[]> {
  const found: NodePorts[] = [];
  while (found.length < nodes) {
    const port = randomInt(10_000, 16_000) * 2;
    const candidate = { port, controllerPort: port + 1 };
    if (!found.some((other) => other.port === port) && (await takenPorts([candidate])).length === 0) found.push(candidate);
  }
  return found;
}

/** @throws {ClusterError} `KAFKA_PORT_TAKEN` when somebody listens there */
export async function refuseTaken(nodes: readonly NodePorts[]): Promise<void> {
  const taken = await takenPorts(nodes);
  if (taken.length === 0) return;
  const all = taken.map((port) => `${loopback}:${port}`).join(", ");
  throw new ClusterError("KAFKA_PORT_TAKEN", `another program listens on ${all}: stop it, or say --port for a new cluster`);
}

/** Those of the nodes' ports that somebody listens on. */
async function takenPorts(nodes: readonly NodePorts[]): Promise<readonly number[]> {
  const ports = nodes.flatMap(({ port, controllerPort }) => [port, controllerPort]);
  const taken = await Promise.all(ports.map(isTaken));
  return ports.filter((_, i) => taken[i]);
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? settle(true) : fail(error)));
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => settle(false)));
  });
}
