/** What a loop sleeps on: one sleeper at a time, woken by the clock or by whoever rings. */
export class Alarm {
  private wake: (() => void) | undefined;

  ring(): void {
    this.wake?.();
    this.wake = undefined;
  }

  /** Settles when somebody rings. */
  rung(): Promise<undefined> {
    return new Promise((settle) => (this.wake = () => settle(undefined)));
  }

  /** Settles after `ms`, or when somebody rings. */
  sleep(ms: number): Promise<void> {
    return new Promise((settle) => {
      const timer = setTimeout(settle, ms);
      this.wake = () => {
        clearTimeout(timer);
        settle();
      };
    });
  }

  /** Nobody sleeps any more. */
  off(): void {
    this.wake = undefined;
  }
}
