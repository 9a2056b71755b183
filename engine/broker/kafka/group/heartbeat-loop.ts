import { heartbeatV4 } from "../wire/kafka-library.ts";
import { hasMoved, isRetriable } from "#broker/kafka/wire/error-classes.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { asKafkaError } from "#broker/kafka/wire/kafka-error.ts";
import type { Identity } from "./group-requests.ts";

/** Under which identity heartbeats go out, and how often. */
export type Beat = { readonly identity: Identity; readonly intervalMs: number };
/** What the coordinator answered to a heartbeat other than that all is well, by Kafka's name of the error. */
export type HeartbeatReport = { readonly identity: Identity; readonly ids: readonly string[] };

const retryMs = 100;

/**
 * Sends heartbeats one after the other, to the coordinator wherever it is. What says that the group has changed is reported, again with every
 * heartbeat as long as it is so; what says that the coordinator cannot be asked now is tried again here.
 */
export class HeartbeatLoop {
  readonly #client;
  readonly #group;
  readonly #options;
  #beat: Beat | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending = false;
  #refresh = false;

  constructor(
    client: KafkaClient,
    group: string,
    options: { readonly isAlive: () => boolean; readonly report: (report: HeartbeatReport) => void },
  ) {
    this.#client = client;
    this.#group = group;
    this.#options = options;
  }

  /** From now on heartbeats are those of this identity, the first of them after `firstMs`; undefined stops them. */
  set(beat: Beat | undefined, firstMs = beat?.intervalMs ?? 0): void {
    this.#beat = beat;
    this.#schedule(firstMs);
  }

  #schedule(inMs: number): void {
    clearTimeout(this.#timer);
    if (this.#beat === undefined || this.#sending || this.#client.closed) return;
    this.#timer = setTimeout(() => void this.#send(), inMs);
  }

  async #send(): Promise<void> {
    const beat = this.#beat;
    if (beat === undefined) return;
    let pauseMs = beat.intervalMs;
    this.#sending = true;
    if (this.#options.isAlive()) {
      const { generationId, memberId, groupInstanceId } = beat.identity;
      try {
        const node = await this.#client.coordinator("group", this.#group, this.#refresh);
        this.#refresh = false;
        const doing = `heartbeat of ${groupInstanceId}`;
        await this.#client.ask(node, heartbeatV4.api, [this.#group, generationId, memberId, groupInstanceId], doing);
      } catch (thrown) {
        const error = asKafkaError(thrown, "heartbeat");
        this.#refresh = hasMoved(error);
        if (isRetriable(error)) pauseMs = Math.min(retryMs, pauseMs);
        else this.#options.report({ identity: beat.identity, ids: error.ids });
      }
    }
    this.#sending = false;
    this.#schedule(Math.min(pauseMs, this.#beat?.intervalMs ?? pauseMs));
  }
}
