import { hearStream } from "./event-stream.js";
import { watch } from "./watch.js";

/** Changes that come within this are drawn together. */
const drawMs = 50;
/** What is heard may be older than the last answer for a moment: so long nothing is asked and nothing drawn. */
const settleMs = 1000;

/**
 * Keeps sections up to date by the stream of a query, and by asking for `path` as long as there is none: none was begun yet, the server has none, or it
 * was lost. `rows` (heard-rows.js) knows what was told; `show(rows, live)` draws it, `live` when it is as it happens.
 */
export function follow({ query, path, stream, sections, rows, show }) {
  /** `asking`; `settling`: the stream has told all, and nothing is asked any more; `hearing`. */
  let mode = "asking";
  let settledAt = 0;
  /** The question that is under way was asked behind the beginning of the stream. */
  let isAskedBehind = false;
  let drawing;

  const askNow = watch({
    query,
    path,
    sections,
    paused: () => mode !== "asking",
    show: (answer) => {
      if (isAskedBehind) rows.wantsAnswer = false;
      rows.answered(answer.rows);
      show(rows.rows(), false);
    },
  });
  const enter = (next) => {
    const asked = mode === "asking";
    // Until somebody has answered, what was heard last is what is known.
    if (mode === "hearing") rows.answered(rows.rows());
    mode = next;
    rows.isHeard = mode === "hearing";
    isAskedBehind = false;
    if (asked !== (mode === "asking")) askNow();
  };
  const draw = () => {
    drawing ??= setTimeout(() => {
      drawing = undefined;
      show(rows.rows(), mode === "hearing");
    }, drawMs);
  };
  const progressed = () => {
    if (rows.wantsAnswer) {
      if (mode !== "asking") enter("asking");
      if (isAskedBehind) return;
      isAskedBehind = true;
      askNow();
    } else if (mode === "asking") {
      settledAt = performance.now();
      enter("settling");
    } else if (mode === "settling" && performance.now() - settledAt >= settleMs) {
      enter("hearing");
      draw();
    }
  };

  const stop = hearStream({
    path: stream,
    begin: () => {
      rows.begin();
      enter("asking");
    },
    take: (name, data) => {
      if (name === "progress") progressed();
      else if (!rows.take(name, data)) stop();
      else draw();
    },
    lost: () => {
      rows.lost?.();
      enter("asking");
    },
  });
}
