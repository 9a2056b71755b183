import { parseExact } from "./poll.js";
import { takeSlot } from "./stream-slots.js";

const names = ["reset", "snapshot", "upsert", "delete", "progress", "waiting", "drain"];
/** A stream says each second how far things have come. One that says nothing is gone without a word: a network that changed, a laptop that slept. */
const silentMs = 10_000;
/** Before it comes back: another time for each page, so that not all come at once. */
const againMs = () => 1500 + Math.random() * 1000;
const longestWaitMs = 60_000;

/**
 * Hears a stream of rows for as long as the page is looked at, and goes on where it was, whatever broke it off. `begin()` hears that the rows are told
 * anew, `take(name, data)` each event behind that, `lost()` that nothing is heard any more for now. What it returns ends it.
 */
export function hearStream({ path, begin, take, lost }) {
  let lastId = "";
  let refusals = 0;
  let turn = 0;
  let timer;
  let isOpen = false;
  let leave = () => undefined;

  const connect = async () => {
    if (isOpen || document.visibilityState !== "visible") return;
    const mine = ++turn;
    clearTimeout(timer);
    const release = await takeSlot();
    if (mine !== turn) return release?.();
    if (release === undefined) timer = setTimeout(() => void connect(), 2 * againMs());
    else listen(release);
  };

  const listen = (release) => {
    if (lastId === "") begin();
    // A connection of its own each time, since a browser's own way back would carry the id that this one began with.
    const id = lastId === "" ? "" : `${path.includes("?") ? "&" : "?"}lastEventId=${encodeURIComponent(lastId)}`;
    const source = new EventSource(path + id);
    isOpen = true;
    let isHeard = false;
    let silence;
    const hears = () => {
      clearTimeout(silence);
      silence = setTimeout(() => end(againMs()), silentMs);
    };
    leave = () => {
      leave = () => undefined;
      isOpen = false;
      clearTimeout(silence);
      source.close();
      release();
    };
    const end = (waitMs) => {
      leave();
      lost();
      timer = setTimeout(() => void connect(), waitMs);
    };
    hears();
    source.addEventListener("open", () => {
      isHeard = true;
      hears();
    });
    source.addEventListener("error", () => {
      // A browser gives up by itself where it was answered, but not by a stream: 501, 429, 503.
      const refused = !isHeard && source.readyState === EventSource.CLOSED;
      refusals = refused ? refusals + 1 : 0;
      end(refused ? Math.min(longestWaitMs, againMs() * 2 ** refusals) : againMs());
    });
    for (const name of names) {
      source.addEventListener(name, (event) => {
        hears();
        refusals = 0;
        if (name === "reset") lastId = "";
        // Only the last of the events that belong together has one: nobody goes on from their midst.
        else if (event.lastEventId !== "") lastId = event.lastEventId;
        if (name === "drain") end(againMs());
        else if (name === "reset") begin();
        // It goes on by itself; whoever is asked meanwhile says what is wrong.
        else if (name === "waiting") lost();
        else take(name, parseExact(event.data));
      });
    }
  };

  const look = () => {
    if (document.visibilityState === "visible") return void connect();
    turn += 1;
    clearTimeout(timer);
    leave();
    lost();
  };
  document.addEventListener("visibilitychange", look);
  void connect();
  return () => {
    document.removeEventListener("visibilitychange", look);
    turn += 1;
    clearTimeout(timer);
    leave();
    lost();
  };
}
