import { Observable, Subscriber, type OperatorFunction } from "rxjs";
import { nodeContext, type NodeContext } from "./context.ts";

/**
 * The one way durable operators are made: `make` is called when the node is built and answers what to do with each value.
 * An exception goes to the pipeline's error channel, where the task finds it; RxJS would report one of a plain observer later and go on.
 */
export function step<T, R>(make: (out: Subscriber<R>, context: NodeContext) => (value: T) => void): OperatorFunction<T, R> {
  return (source) => {
    const context = nodeContext();
    return new Observable<R>((out) => source.subscribe(new StepSubscriber<T>(out, make(out, context))));
  };
}

class StepSubscriber<T> extends Subscriber<T> {
  private readonly take: (value: T) => void;

  constructor(out: Subscriber<never>, take: (value: T) => void) {
    super(out);
    this.take = take;
  }

  /** One call a value instead of RxJS's two, the first of which all subscribers share. */
  override next(value: T): void {
    if (this.isStopped) return super.next(value);
    try {
      this.take(value);
    } catch (error) {
      this.error(error);
    }
  }
}
