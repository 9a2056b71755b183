/** The promise, or the signal's reason if that comes first. */
export function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((settle, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      // Nobody waits for it any more, so nobody need hear that it failed.
      promise.catch(() => undefined);
      return abort();
    }
    signal.addEventListener("abort", abort, { once: true });
    promise.then(settle, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
