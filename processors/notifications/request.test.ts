import { expect, test } from "vitest";
import { nodeId, runProcessor, type Arrival } from "../testing/processor-run.ts";
import { requestNotification } from "./request.ts";

const minute = 60_000;
const noon = 12 * 60 * minute;
const config = { limit: 2, within: "1h" };

const notice = (at: number, recipient: string | null = "ann", about = `at-${at}`): Arrival => ({
  port: "notices",
  key: recipient,
  at,
  value: { recipient: recipient ?? "nobody", template: "fraud-card-velocity", about, detail: "4 attempts" },
});

test("[NT1] a notice asks for a notification by the channel, to its recipient, with what it is about", () => {
  const { departures } = runProcessor(requestNotification, { ...config, channel: "sms" }, [notice(noon)]);
  expect(departures).toEqual([
    {
      port: "requested",
      key: "ann",
      at: noon,
      value: {
        channel: "sms",
        recipient: "ann",
        template: "fraud-card-velocity",
        parameters: { about: `at-${noon}`, detail: "4 attempts" },
      },
    },
  ]);
});

test("[NT2] a recipient is told at most so often within the span that ends with each notice; what is dropped uses up nothing", () => {
  const times = [0, 10, 20, 59, 60, 65, 70].map((at) => noon + at * minute);
  const { departures, driver } = runProcessor(
    requestNotification,
    config,
    times.map((at) => notice(at)),
  );
  // The notice of the whole hour no longer has the first one in its span, which is open at its beginning.
  expect(departures.map(({ at }) => (at - noon) / minute)).toEqual([0, 10, 60, 70]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 7, emitted: 4, dropped: { throttled: 3 } });
});

test("[NT2] recipients are throttled each by themselves", () => {
  const arrivals = [0, 1, 2].flatMap((i) => [notice(noon + i, "ann"), notice(noon + i, "ben")]);
  expect(runProcessor(requestNotification, config, arrivals).departures.map(({ key }) => key)).toEqual(["ann", "ben", "ann", "ben"]);
});

test("[NT3] what is late by more than the span, or has no key, is dropped and counted", () => {
  const arrivals = [notice(noon), notice(noon + 180 * minute, "ben"), notice(noon + 119 * minute), notice(noon + 181 * minute, null)];
  const { departures, driver } = runProcessor(requestNotification, config, arrivals);
  expect(departures.map(({ at }) => (at - noon) / minute)).toEqual([0, 180]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 4, emitted: 2, dropped: { late: 1, "null-key": 1 } });
});
