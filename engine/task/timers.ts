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
  /** When the next timer of each kind is due; `Infinity` without one. Looked at behind every record. */
  private readonly due = { "stream-time": Infinity, "wall-clock": Infinity };

  /** A timer that is scheduled again under its name takes the place of the first; a cancelled one is due never, over restarts too. */
  add(timer: Scheduled): Timer {
    for (const other of this.scheduled) if (other.due === timer.due) this.scheduled.delete(other);
    this.scheduled.add(timer);
    this.look();
    return {
      cancel: () => {
        if (!this.scheduled.delete(timer)) return;
        timer.due.value = Infinity;
        this.look();
      },
    };
  }

  /** Fires what is due at `time`, in order of scheduling; answers how many were. */
  fire(kind: "stream-time" | "wall-clock", time: number): number {
    let fired = 0;
    for (const timer of this.scheduled) {
      if (timer.kind !== kind || timer.due.value > time) continue;
      timer.due.value += (Math.floor((time - timer.due.value) / timer.intervalMs) + 1) * timer.intervalMs;
      this.look();
      timer.fire(time);
      fired += 1;
    }
    return fired;
  }

  /** When the next timer of this kind is due; `Infinity` without one. */
  next(kind: "stream-time" | "wall-clock"): number {
    return this.due[kind];
  }

  private look(): void {
    const { due } = this;
    due["stream-time"] = due["wall-clock"] = Infinity;
    for (const timer of this.scheduled) due[timer.kind] = Math.min(due[timer.kind], timer.due.value);
  }
}
