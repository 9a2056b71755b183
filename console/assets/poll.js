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
 * Asks `path()` at once and then every `everyMs`; one question at a time, none while the page is hidden or `paused()` holds. `show` gets what was
 * answered, `fail` a word on what went wrong: `{ kind: "refused", status, problem }` or `{ kind: "gone", askedAt }`. What it returns asks at once, and
 * drops the answer that was waited for: `path()` or `paused()` has changed.
 */
export function poll({ path, everyMs = 1000, paused = () => false, show, fail }) {
  let failures = 0;
  let timer;
  let running = new AbortController();
  const ask = async () => {
    running = new AbortController();
    const { signal } = running;
    const askedAt = performance.now();
    const answer = await answerOf(path(), running);
    if (signal.reason === dropped) return;
    failures = answer.kind === "shown" ? 0 : failures + 1;
    const pace = { everyMs, retryAfterS: answer.retryAfterS, tookMs: performance.now() - askedAt };
    // First, since what is shown may ask something else at once.
    timer = setTimeout(whenVisible, waitAfter(failures, pace));
    if (answer.kind === "shown") show(answer.body);
    else if (signal.reason !== left) fail({ ...answer, askedAt });
  };
  const whenVisible = () => {
    if (paused()) return;
    if (document.visibilityState === "visible") void ask();
    else document.addEventListener("visibilitychange", whenVisible, { once: true });
  };
  whenVisible();
  return () => {
    running.abort(dropped);
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", whenVisible);
    failures = 0;
    whenVisible();
  };
}

/** Why a question was broken off: nobody wants its answer any more, or the page was left. */
const dropped = "dropped";
const left = "left";

async function answerOf(path, controller) {
  const timeout = setTimeout(() => controller.abort(), timeoutMs);
  const leave = () => controller.abort(left);
  addEventListener("pagehide", leave, { once: true });
  try {
    // Asked each time, but what the browser has already does not come again: it is answered by 304.
    const response = await fetch(path, { signal: controller.signal, cache: "no-cache", headers: { Accept: "application/json" } });
    const body = parseExact(await response.text());
    if (response.ok) return { kind: "shown", body };
    return { kind: "refused", status: response.status, problem: body, retryAfterS: Number(response.headers.get("retry-after") ?? 0) || 0 };
  } catch {
    return { kind: "gone" };
  } finally {
    clearTimeout(timeout);
    removeEventListener("pagehide", leave);
  }
}
