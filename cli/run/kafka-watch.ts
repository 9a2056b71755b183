import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { ClusterProbe, type ClusterSettings } from "@millrace/engine";

export type KafkaState = { readonly away: false } | { readonly away: true; readonly why: string };

const everyMs = 2000;
const everyMsAway = 500;

/** Asks the cluster now and then whether it is there, and tells when that changes. */
export class KafkaWatch {
  readonly #probe: ClusterProbe;
  readonly #closing = new AbortController();
  readonly #logger: Logger;
  readonly #changed: (state: KafkaState) => void;
  #running: Promise<void> | undefined;

  constructor(cluster: ClusterSettings, { logger, changed }: { readonly logger: Logger; readonly changed: (state: KafkaState) => void }) {
    this.#probe = new ClusterProbe(cluster);
    this.#logger = logger;
    this.#changed = changed;
  }

  /** The first answer, then it goes on by itself until it is closed. @throws {BrokerError} `BROKER_UNREACHABLE`, `BROKER_REFUSED` */
  async begin(forMs: number, signal: AbortSignal): Promise<{ readonly nodes: number; readonly cluster: string }> {
    const found = await this.#probe.ask(forMs, AbortSignal.any([signal, this.#closing.signal]));
    this.#changed({ away: false });
    this.#running = this.#run();
    return found;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#probe.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let failed = 0;
    for (let awaySince: number | undefined; !signal.aborted;) {
      await sleep(failed === 0 ? everyMs : everyMsAway, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#probe.ask(0, signal);
        failed = 0;
        if (awaySince === undefined) continue;
        this.#logger.info({ event: "kafka.back", awayMs: Math.round(performance.now() - awaySince) }, "Kafka is back");
        awaySince = undefined;
        this.#changed({ away: false });
      } catch (error) {
        if (signal.aborted) return;
        // One that is lost may be a busy machine.
        if (++failed < 2) continue;
        const why = error instanceof Error ? error.message : String(error);
        if (awaySince === undefined) this.#logger.warn({ event: "kafka.away", err: error }, "Kafka does not answer");
        awaySince ??= performance.now();
        this.#changed({ away: true, why: `away for ${Math.round((performance.now() - awaySince) / 1000)} s: ${why}` });
      }
    }
  }
}
