import { testStateStorage } from "#state/conformance.ts";
import { memoryStateStorage } from "./memory-state-storage.ts";

testStateStorage("memory", (limits) => {
  const storage = memoryStateStorage(limits);
  return {
    storage,
    commit: async (task, number, changes) => storage.commit(task, number, changes),
    restart: async () => undefined,
    close: async () => undefined,
  };
});
