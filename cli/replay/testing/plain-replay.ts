import type { ReplayOptions } from "../replay.ts";

/** A replay as fast as the server takes it, by the data's time, once; what it sends, and where, is said by who replays. */
export const plainReplay: Omit<ReplayOptions, "files" | "to"> = {
  speed: Number.POSITIVE_INFINITY,
  stamp: "data",
  openingStock: 0,
  repeat: 1,
  rejects: null,
  wait: false,
  batch: 1000,
  key: null,
};
