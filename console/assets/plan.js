const againMs = 2000;

let asked;

/** The plan does not change while the server runs, so it is asked for until it is there, once for all who need it. `missed` hears of each failure. */
export function readPlan(missed = () => undefined) {
  asked ??= ask();
  asked.missed.add(missed);
  return asked.plan;
}

function ask() {
  const missed = new Set();
  const plan = (async () => {
    while (true) {
      try {
        const response = await fetch("/v1/topology", { headers: { Accept: "application/json" } });
        if (response.ok) return await response.json();
      } catch {
        // Asked again below.
      }
      for (const tell of missed) tell();
      await new Promise((settle) => setTimeout(settle, againMs));
    }
  })();
  return { plan, missed };
}
