import { flushCompileCache } from "node:module";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import type { Codec } from "#state/codec.ts";
import { reusingCodec, type Value } from "#state/state-harness.ts";
import { keyValueStore, windowStore } from "#state/store.ts";
import { crashLimits, crashTask, workOf } from "./crash-work.ts";
import { embeddedStateStorage } from "./embedded-state-storage.ts";

// Who is killed writes no cache at its end.
flushCompileCache();
// Commits and folds until it is killed, by its own hand, at the n-th value that a fold writes: in the middle of the base's transaction.
const [path, first, killAt] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const plain = reusingCodec();
let folding = false;
let written = 0;
const codec: Codec<Value> = {
  encode: (value) => {
    if (folding && ++written === killAt) process.kill(process.pid, "SIGKILL");
    return plain.encode(value);
  },
  decode: (bytes) => plain.decode(bytes),
};
const database = new EmbeddedDatabase(path);
const deltas = new Deltas(database);
const state = embeddedStateStorage(database, crashLimits).open(crashTask, { totals: keyValueStore(codec), perMinute: windowStore(codec) });
for (let number = first; ; number++) {
  workOf(number, { totals: state.keyValue<Value>("totals"), perMinute: state.window<Value>("perMinute") });
  const changes = state.takeChanges();
  database.transaction("normal", () => deltas.write(crashTask, BigInt(number), changes));
  state.committed(BigInt(number));
  process.stdout.write(`${number}\n`);
  folding = true;
  state.fold(30);
  folding = false;
}
