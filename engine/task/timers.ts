import type { Cell, Timer } from "#operators/context.ts";

type Scheduled = {
  readonly kind: "stream-time" | "wall-clock";
  readonly intervalMs: number;
  readonly due: Cell;
  readonly fire: (time: number) => void;
};

/** The timers of a task; when each is due next is part of the commit. Missed ticks are one call with the current time; the grid stays. */
export class Timers {
  private readonly scheduled = new Set<Scheduled>();

  /** A timer that is scheduled again under its name takes the place of the first; a cancelled one is due never, over restarts too. */
  add(timer: Scheduled): Timer {
    for (const other of this.scheduled) if (other.due === timer.due) this.scheduled.delete(other);
    this.scheduled.add(timer);
    return {
      cancel: () => {
        if (this.scheduled.delete(timer)) timer.due.value = Infinity;
      },
    };
  }

  /** Fires what is due at `time`, in order of scheduling; answers how many were. */
  fire(kind: "stream-time" | "wall-clock", time: number): number {
    let fired = 0;
    for (const timer of this.scheduled) {
      if (timer.kind !== kind || timer.due.value > time) continue;
      timer.due.value += (Math.floor((time - timer.due.value) / timer.intervalMs) + 1) * timer.intervalMs;
      timer.fire(time);
      fired += 1;
    }
    return fired;
  }

  /** When the next timer of this kind is due; `Infinity` without one. */
  next(kind: "stream-time" | "wall-clock"): number {
    let next = Infinity;
    for (const timer of this.scheduled) if (timer.kind === kind && timer.due.value < next) next = timer.due.value;
    return next;
  }
}
