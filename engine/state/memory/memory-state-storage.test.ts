import { testStateStorage } from "#state/conformance.ts";
import { memoryStateStorage } from "./memory-state-storage.ts";

testStateStorage("memory", (limits) => {
  const storage = memoryStateStorage(limits);
  return {
    storage,
    commit: (task, number, changes) => storage.commit(task, number, changes),
    restart: () => undefined,
    close: () => undefined,
  };
});
