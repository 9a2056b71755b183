// Read by k6 as well as by Node: nothing here may import what k6 does not have.

/** A stretch of a run at one rate. */
export type Phase = {
  readonly name: string;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Whether the bounds on latency hold here; in the midst of a spike they do not. */
  readonly timed: boolean;
};

export type Scenario = {
  readonly summary: string;
  readonly phases: readonly Phase[];
  /** Questions to queries beside the posts. */
  readonly pullsPerSecond: number;
  /** Readers of streams beside the posts. */
  readonly readers: number;
};

export const scenarioNames = ["smoke", "10k", "spike", "soak", "mixed"] as const;
export type ScenarioName = (typeof scenarioNames)[number];

const steady = (seconds: number, eventsPerSecond: number): readonly Phase[] => [{ name: "steady", seconds, eventsPerSecond, timed: true }];
const alone = { pullsPerSecond: 0, readers: 0 };

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  smoke: { summary: "5 s of 200 events/s: does it work at all?", phases: steady(5, 200), ...alone },
  "10k": {
    summary: "60 s of 10,000 events/s, behind 10 s of 2,000 in which the server warms up",
    phases: [{ name: "warm-up", seconds: 10, eventsPerSecond: 2000, timed: false }, ...steady(60, 10_000)],
    ...alone,
  },
  spike: {
    summary: "1,000 events/s, 10 s of 10,000, and 1,000 again; must be back within 10 s",
    phases: [
      { name: "before", seconds: 15, eventsPerSecond: 1000, timed: true },
      { name: "spike", seconds: 10, eventsPerSecond: 10_000, timed: false },
      { name: "recovery", seconds: 10, eventsPerSecond: 1000, timed: false },
      { name: "after", seconds: 15, eventsPerSecond: 1000, timed: true },
    ],
    ...alone,
  },
  soak: { summary: "10 min of 2,000 events/s", phases: steady(600, 2000), ...alone },
  mixed: {
    summary: "60 s of 2,000 events/s, 20 pulls/s, 100 readers of streams",
    phases: steady(60, 2000),
    pullsPerSecond: 20,
    readers: 100,
  },
};

export function isScenarioName(text: string): text is ScenarioName {
  return (scenarioNames as readonly string[]).includes(text);
}

/** Whether length and rate can be changed: of what has a course of its own they cannot. */
export const isSteady = ({ phases }: Scenario): boolean => phases.some(({ name }) => name === "steady");

/** The scenario with another length or rate, which its summary says. */
export function adjusted(scenario: Scenario, change: { readonly seconds?: number; readonly eventsPerSecond?: number }): Scenario {
  if (Object.keys(change).length === 0) return scenario;
  const phases = scenario.phases.map((phase) => (phase.name === "steady" ? { ...phase, ...change } : phase));
  const { seconds, eventsPerSecond } = phases.find(({ name }) => name === "steady")!;
  return { ...scenario, phases, summary: `${seconds} s of ${eventsPerSecond} events/s instead of: ${scenario.summary}` };
}

export const secondsOf = ({ phases }: Scenario): number => phases.reduce((sum, { seconds }) => sum + seconds, 0);

/** At the most. */
export const requestsPerSecondOf = ({ phases, pullsPerSecond }: Scenario, batch: number): number =>
  Math.max(...phases.map(({ eventsPerSecond }) => eventsPerSecond / batch)) + pullsPerSecond;
