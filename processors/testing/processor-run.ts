import { isDeepStrictEqual } from "node:util";
import { deadLetterTopicOf, TopologyDriver, type DriverOptions, type DriverRecord, type Plan, type Processor } from "@millrace/engine";

/** A record for one input of a processor. */
export type Arrival = { readonly port: string; readonly key: string | null; readonly at: number; readonly value: unknown };
/** What left by an output; dead letters leave by `{input}.dlq`, with the headers that say why. */
export type Departure = { readonly port: string; readonly key: string | null; readonly at: number; readonly value: unknown };

export type Run = { readonly departures: readonly Departure[]; readonly driver: TopologyDriver };

/** The id of the processor's only node, by which the driver is asked for its stores and counts. */
export const nodeId = "under-test";

/**
 * Runs a processor alone through the engine's driver, one record at a time, and again with a restart after every record, with the power cut at every
 * step of every commit in turn, and (where arrivals are in order of time) with everything on the log beforehand. Answers the first run.
 *
 * @throws {Error} when any of the runs answers differently
 */
export function runProcessor(processor: Processor, config: unknown, arrivals: readonly Arrival[]): Run {
  const plain = run(processor, config, arrivals, {});
  const expected = plain.departures;
  compare("a restart after every record", run(processor, config, arrivals, { restarts: true }).departures);
  let cut = 0;
  const crash = (): boolean => (cut += 1) % 3 === 0;
  compare("power cuts", run(processor, config, arrivals, { driver: { crash } }).departures);
  if (arrivals.every(({ at }, i) => i === 0 || arrivals[i - 1]!.at <= at)) {
    compare("everything on the log beforehand", run(processor, config, arrivals, { beforehand: true, driver: { slice: 7 } }).departures);
  }
  return plain;

  function compare(how: string, departures: readonly Departure[]): void {
    // Topics are read one after the other, so only the order within each can be compared.
    if (!isDeepStrictEqual(byPort(departures), byPort(expected))) throw new Error(`${processor.name} answers differently with ${how}`);
  }
}

/** Runs a processor alone, once, with everything on the log beforehand: for what needs many records. */
export function runOnce(processor: Processor, config: unknown, arrivals: readonly Arrival[]): Run {
  return run(processor, config, arrivals, { beforehand: true });
}

type How = { readonly restarts?: boolean; readonly beforehand?: boolean; readonly driver?: DriverOptions };

function run(processor: Processor, config: unknown, arrivals: readonly Arrival[], { restarts, beforehand, driver: options }: How): Run {
  const driver = new TopologyDriver(planOf(processor, config, arrivals), options);
  const departures: Departure[] = [];
  arrivals.forEach(({ port, key, at }, i) => {
    const input = { key, timestamp: at, value: Buffer.from(String(i)) };
    if (beforehand === true) driver.append(port, input);
    else driver.pipe(port, input);
    if (restarts === true) driver.restart();
    collect();
  });
  driver.advance(1);
  collect();
  for (const cause of driver.stopped.values()) throw new Error(`${processor.name} stopped`, { cause });
  return { departures, driver };

  function collect(): void {
    for (const port of Object.keys(processor.outputs)) {
      for (const { key, timestamp, value } of driver.drain(outputTopic(port))) {
        departures.push({ port, key, at: timestamp, value: JSON.parse(Buffer.from(value!).toString()) });
      }
    }
    for (const port of Object.keys(processor.inputs)) {
      for (const letter of driver.drain(deadLetterTopicOf(port))) departures.push(deadLetter(port, letter));
    }
  }
}

function deadLetter(input: string, { key, timestamp, headers }: DriverRecord): Departure {
  return { port: deadLetterTopicOf(input), key, at: timestamp, value: Object.fromEntries(headers) };
}

/** Values do not cross the log themselves, but their numbers do: any value can be piped, and each record gets a copy of its own. */
function planOf(processor: Processor, config: unknown, arrivals: readonly Arrival[]): Plan {
  const inputs = Object.keys(processor.inputs);
  const outputs = Object.keys(processor.outputs);
  const topics = [...inputs, ...inputs.map(deadLetterTopicOf), ...outputs.map(outputTopic)];
  return {
    name: "one-processor",
    topics: topics.map((name) => ({ name, partitions: 1, retention: { kind: "forever" } })),
    subTopologies: [
      {
        id: "one",
        partitions: 1,
        sources: inputs.map((port) => ({
          topic: port,
          decode: (value) => structuredClone(arrivals[Number(Buffer.from(value!).toString())]!.value),
          to: [{ node: nodeId, port }],
          upstream: [],
        })),
        nodes: [
          {
            id: nodeId,
            processor: processor.bind(config),
            outputs: Object.fromEntries(outputs.map((port) => [port, { to: [], sinks: [port] }])),
          },
        ],
        sinks: outputs.map((port) => ({
          id: port,
          topic: outputTopic(port),
          partitions: 1,
          kind: "topic",
          key: (_value, { key }) => key,
          encode: (value) => Buffer.from(JSON.stringify(value)),
        })),
      },
    ],
  };
}

const outputTopic = (port: string): string => `out-${port}`;

function byPort(departures: readonly Departure[]): ReadonlyMap<string, readonly Departure[]> {
  return Map.groupBy(departures, ({ port }) => port);
}
