import type { TaskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import type { LocalCopy, Restoration } from "#broker/kafka/changelog/local-copy.ts";
import { KafkaBroker } from "#broker/kafka/kafka-broker.ts";
import { noKafkaEvents } from "#broker/kafka/kafka-events.ts";
import { clusterOfTests } from "#broker/kafka/proving/cluster-of-tests.ts";
import { LocalState } from "#state/local/local-state.ts";
import { quickTimeouts } from "./quick-timeouts.ts";
import { renamedBroker } from "./renamed-broker.ts";

/** Started by tests: restores one task, tells how much there is to read, and kills itself behind the answer of a number: `PATH PREFIX GROUP TASK ANSWERS`. */
const [path = "", prefix = "", group = "", task = "", answers = "0"] = process.argv.slice(2);
const local = new LocalState(new EmbeddedDatabase(path), { tailRecords: 0 });
let left = Number(answers);

/** The restoration, until this process is killed in the midst of it. */
class Mortal implements Restoration {
  readonly #restoration: Restoration;

  constructor(restoration: Restoration) {
    this.#restoration = restoration;
  }

  get last(): Restoration["last"] {
    return this.#restoration.last;
  }

  async apply(...read: Parameters<Restoration["apply"]>): Promise<void> {
    await this.#restoration.apply(...read);
    if (--left === 0) process.kill(process.pid, "SIGKILL");
  }

  cutOff(): void {
    this.#restoration.cutOff();
  }

  finish(next: bigint): void {
    this.#restoration.finish(next);
  }
}

const mortal: LocalCopy = {
  read: (of) => local.read(of),
  hasUntold: (of) => local.hasUntold(of),
  tasks: () => local.tasks(),
  write: (commits) => local.write(commits),
  forget: (of) => local.forget(of),
  restore: (of, changelog) => new Mortal(local.restore(of, changelog)),
};
const kafka = new KafkaBroker({
  cluster: clusterOfTests(),
  local: mortal,
  topics: { replication: 1, minIsr: 1 },
  ...quickTimeouts,
  events: { ...noKafkaEvents, restoring: ({ read, total }) => void (read === 0n && process.stdout.write(`${total}\n`)) },
});
await renamedBroker(kafka, prefix).committed(group, [task as TaskId]);
await kafka.close();
