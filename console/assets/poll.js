/** Asking again and again, kindly. */

const longestWaitMs = 15_000;
const timeoutMs = 5000;
/** Of the time of a server, one page takes a tenth at most. */
const restPerWork = 9;

/**
 * How long to wait before the next question, after so many failures in a row: the usual pace, then twice as long each time; never less than the
 * server asks for, nor than nine times what the last answer took.
 */
export function waitAfter(failures, { everyMs, retryAfterS = 0, tookMs = 0 }) {
  return Math.max(retryAfterS * 1000, Math.min(longestWaitMs, Math.max(everyMs, restPerWork * tookMs) * 2 ** failures));
}

/** JSON as it is written: a whole number of more digits than floating point holds is its text. */
export function parseExact(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "") ? context.source : value,
  );
}

/**
 * Asks `path()` at once and then every `everyMs`; one question at a time, none while the page is hidden. `show` gets what was answered, `fail` a
 * word on what went wrong: `{ kind: "refused", status, problem }` or `{ kind: "gone" }`. What it returns asks at once, and drops the answer that was
 * waited for: `path()` has changed.
 */
export function poll({ path, everyMs = 1000, show, fail }) {
  let failures = 0;
  let timer;
  let running = new AbortController();
  const ask = async () => {
    const controller = new AbortController();
    running = controller;
    const { signal } = controller;
    const since = performance.now();
    let retryAfterS = 0;
    const timeout = setTimeout(() => controller.abort(), timeoutMs);
    const leave = () => controller.abort("left");
    addEventListener("pagehide", leave, { once: true });
    try {
      const response = await fetch(path(), { signal, cache: "no-store", headers: { Accept: "application/json" } });
      const body = parseExact(await response.text());
      if (signal.reason === "dropped") return;
      if (response.ok) {
        failures = 0;
        show(body);
      } else {
        failures += 1;
        retryAfterS = Number(response.headers.get("retry-after") ?? 0) || 0;
        fail({ kind: "refused", status: response.status, problem: body });
      }
    } catch {
      if (signal.reason === "dropped") return;
      failures += 1;
      if (signal.reason !== "left") fail({ kind: "gone" });
    } finally {
      clearTimeout(timeout);
      removeEventListener("pagehide", leave);
    }
    timer = setTimeout(whenVisible, waitAfter(failures, { everyMs, retryAfterS, tookMs: performance.now() - since }));
  };
  const whenVisible = () => {
    if (document.visibilityState === "visible") void ask();
    else document.addEventListener("visibilitychange", whenVisible, { once: true });
  };
  whenVisible();
  return () => {
    running.abort("dropped");
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", whenVisible);
    failures = 0;
    whenVisible();
  };
}
