import { createRequire, registerHooks } from "node:module";
import type * as Kafka from "@platformatic/kafka";

/**
 * The parts of the Kafka library without its clients and schema registries, which nobody uses here: they compile JSON schemas when they are loaded,
 * a third of a second in each of the threads of a process that is to be back within one. The package has one door, so its files are named; its version is
 * pinned, and a test compares what comes by either way.
 *
 * It is required, not awaited: V8 aborts the whole process when a thread is ended while it runs modules that had waited for one with a top-level `await`
 * (`AsyncModuleExecutionFulfilled`, "Check failed: (location_) != nullptr", Node 24.21), and threads are ended at any time.
 */
const root = import.meta.resolve("@platformatic/kafka");
const require = createRequire(root);
const part = (path: string): typeof Kafka => require(path) as typeof Kafka;
export const [apis, errors, network, protocol] = withoutClients(
  () => [part("./apis/index.js"), part("./errors.js"), part("./network/connection-pool.js"), part("./protocol/index.js")] as const,
);

/** A connection imports the options of all clients for the name that it tells brokers: it gets ours instead. */
function withoutClients<T>(load: () => T): T {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier.endsWith("/clients/base/options.js") && context.parentURL === new URL("./network/connection.js", root).href
        ? { url: new URL("./client-software.ts", import.meta.url).href, shortCircuit: true }
        : next(specifier, context),
  });
  try {
    return load();
  } finally {
    hooks.deregister();
  }
}
