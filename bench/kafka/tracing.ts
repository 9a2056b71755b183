import { partitions } from "./inputs/generate.ts";

/** Where a record lies, and when the broker appended it: the time of the record as well, since the topics' times are those of appending. */
export type Appended = { readonly partition: number; readonly appendedAtMs: number };

/** Finds the input that made an output: it is told every input, in the order of its partition, then asked for every output, likewise. */
export type Trace = {
  input(value: string, at: Appended): void;
  /** When the input was appended that made this output. */
  madeBy(value: string, partition: number): number;
};

/** Traces by the names of jobs. */
export const traces: Readonly<Record<string, () => Trace>> = {
  stateless: byOrder,
  "count:U": byPlace,
  "count:F": byClosing,
  fraud: byPayment,
};

const numberIn = (value: string, pattern: RegExp): number => {
  const match = pattern.exec(value);
  if (match === null) throw new Error(`there is no ${pattern} in ${value}`);
  return Number(match[1]);
};

/** An order is found again by its number. Numbers begin anew with each sending: the last one counts. */
function byOrder(): Trace {
  const appended: number[] = [];
  const numberOf = (value: string): number => numberIn(value, /"orderId":"o-(\d+)"/);
  return {
    input: (value, { appendedAtMs }) => void (appended[numberOf(value)] = appendedAtMs),
    madeBy: (value) => appended[numberOf(value)]!,
  };
}

/** Each input makes one output. */
function byPlace(): Trace {
  const appended = perPartition((): number[] => []);
  const seen = perPartition(() => 0);
  return {
    input: (_value, { partition, appendedAtMs }) => void appended[partition]!.push(appendedAtMs),
    madeBy: (_value, partition) => appended[partition]![seen[partition]!++]!,
  };
}

/** A window is final by the first record of its partition that is as late as its end and the grace: 15 s behind its start. */
function byClosing(): Trace {
  const appended = perPartition((): number[] => []);
  return {
    input: (_value, { partition, appendedAtMs }) => {
      const times = appended[partition]!;
      if (times.at(-1) !== appendedAtMs) times.push(appendedAtMs);
    },
    madeBy: (value, partition) => {
      const closesAt = numberIn(value, /"windowStart":(\d+)/) + 15_000;
      return appended[partition]!.find((time) => time >= closesAt) ?? Number.NaN;
    },
  };
}

/** An alert tells how many payments its session had, and from when to when: the last of so many made it. */
function byPayment(): Trace {
  const appended = new Map<string, number[]>();
  const cardOf = (value: string): string => /"card":"([^"]+)"/.exec(value)![1]!;
  return {
    input: (value, { appendedAtMs }) => {
      const card = cardOf(value);
      const times = appended.get(card);
      if (times === undefined) appended.set(card, [appendedAtMs]);
      else times.push(appendedAtMs);
    },
    madeBy: (value) => {
      const [start, end, count] = [/"start":(\d+)/, /"end":(\d+)/, /"count":(\d+)/].map((pattern) => numberIn(value, pattern));
      return appended.get(cardOf(value))!.filter((time) => time >= start! && time <= end!)[count! - 1] ?? Number.NaN;
    },
  };
}

const perPartition = <T>(make: () => T): T[] => Array.from({ length: partitions }, make);
