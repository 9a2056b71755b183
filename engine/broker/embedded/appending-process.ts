import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { openEmbeddedBroker } from "./embedded-broker.ts";

/** Started by tests: ten callers append to a log until the process is killed, and say what was answered: `caller number` a line. */
const appendingTopic = "test.appending";

const [path] = process.argv.slice(2);
const broker = openEmbeddedBroker({ path: path! });
await broker.ensureTopics([{ name: appendingTopic, partitions: 2, retention: { kind: "forever" } }]);

async function appendForever(caller: number): Promise<never> {
  const builder = new RecordBatchBuilder();
  for (let number = 0; ; number++) {
    builder.append({ timestamp: 0, sequence: 0, key: null, value: Buffer.from(`${caller} ${number}`), headers: noHeaders });
    const [answer] = await broker.append([{ topic: appendingTopic, partition: caller % 2, kind: "records", ...builder.take()! }]);
    if (answer!.kind !== "appended") throw new Error(answer!.reason);
    process.stdout.write(`${caller} ${number}\n`);
  }
}
await Promise.all(Array.from({ length: 10 }, (_, caller) => appendForever(caller)));
