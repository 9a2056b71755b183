/** Asking again and again, kindly. */

const longestWaitMs = 15_000;
const timeoutMs = 5000;

/** How long to wait before the next question, after so many failures in a row: the usual pace, then twice as long each time. */
export function waitAfter(failures, { everyMs, retryAfterS = 0 }) {
  return Math.max(retryAfterS * 1000, Math.min(longestWaitMs, everyMs * 2 ** failures));
}

/**
 * Asks `path()` at once and then every `everyMs`; one question at a time, none while the page is hidden. `show` gets what was answered, `fail` a
 * word on what went wrong: `{ kind: "refused", status, problem }` or `{ kind: "gone" }`.
 */
export function poll({ path, everyMs = 1000, show, fail }) {
  let failures = 0;
  const ask = async () => {
    let retryAfterS = 0;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    const leave = () => controller.abort();
    addEventListener("pagehide", leave, { once: true });
    try {
      const response = await fetch(path(), { signal: controller.signal, cache: "no-store", headers: { Accept: "application/json" } });
      const body = await response.json();
      if (response.ok) {
        failures = 0;
        show(body);
      } else {
        failures += 1;
        retryAfterS = Number(response.headers.get("retry-after") ?? 0) || 0;
        fail({ kind: "refused", status: response.status, problem: body });
      }
    } catch {
      failures += 1;
      fail({ kind: "gone" });
    } finally {
      clearTimeout(timer);
      removeEventListener("pagehide", leave);
    }
    setTimeout(whenVisible, waitAfter(failures, { everyMs, retryAfterS }));
  };
  const whenVisible = () => {
    if (document.visibilityState === "visible") void ask();
    else document.addEventListener("visibilitychange", () => whenVisible(), { once: true });
  };
  whenVisible();
}
