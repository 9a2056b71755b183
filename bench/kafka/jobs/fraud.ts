import { chainNode, step, windowStore, type Codec, type WindowStore } from "@millrace/engine";
import { jsonProjection } from "#schemas/json/json-projection.ts";
import { jsonWriter } from "#schemas/json/json-writer.ts";
import { sourceOf, type Job } from "./job.ts";

type Payment = { readonly merchant: string; readonly amount: number };
type Session = { start: number; end: number; count: number; cents: number; alerted: boolean; readonly merchants: string[] };
type Alert = { readonly start: number; readonly end: number; readonly count: number; readonly cents: number; readonly merchants: number };

const gapMs = 30_000;
const lateMs = 10_000;
const mostMerchants = 16;

/** Two times, two counts, `u8 alerted`, and the merchants, a line each. */
const sessionCodec: Codec<Session> = {
  encode: ({ start, end, count, cents, alerted, merchants }) => {
    const lines = merchants.join("\n");
    const bytes = Buffer.allocUnsafe(33 + Buffer.byteLength(lines));
    bytes.writeDoubleBE(start, 0);
    bytes.writeDoubleBE(end, 8);
    bytes.writeDoubleBE(count, 16);
    bytes.writeDoubleBE(cents, 24);
    bytes[32] = alerted ? 1 : 0;
    bytes.write(lines, 33);
    return bytes;
  },
  decode: (encoded) => {
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    return {
      start: bytes.readDoubleBE(0),
      end: bytes.readDoubleBE(8),
      count: bytes.readDoubleBE(16),
      cents: bytes.readDoubleBE(24),
      alerted: bytes[32] === 1,
      merchants: bytes.toString("utf8", 33).split("\n"),
    };
  },
};

const write = jsonWriter(["card", "start", "end", "count", "cents", "merchants"]);

/** The slot of a session is where its end lies. Ends of two sessions of a card are more than the gap apart, so a slot holds one at most. */
const slotOf = (time: number): number => Math.floor(time / gapMs) * gapMs;

/**
 * J-fraud: sessions by card, gap 30 s, 10 s late at most; an alert when one first has five payments of more than 500 together. Sessions lie in the window
 * store by where they end, so that those no payment can meet any more are dropped slot by slot.
 */
export const fraudJob: Job = {
  source: sourceOf(jsonProjection(["merchant", "amount"])),
  processor: chainNode("alerts", { sessions: windowStore(sessionCodec) }, (stores) => [
    step<Payment, Alert>((out, context) => {
      const sessions = stores["sessions"] as WindowStore<Session>;
      const { record } = context;
      const streamTime = context.cell("stream-time", -1);
      const expired = context.cell("expired-before", 0);
      return ({ amount, merchant }) => {
        const { key, timestamp } = record;
        if (key === null) return context.drop("null-key");
        if (timestamp > streamTime.value) streamTime.value = timestamp;
        if (timestamp < streamTime.value - lateMs) return context.drop("late");
        let session: Session = {
          start: timestamp,
          end: timestamp,
          count: 1,
          cents: Math.round(amount * 100),
          alerted: false,
          merchants: [merchant],
        };
        // Sessions that end in these slots may meet this payment.
        for (let slot = slotOf(timestamp - gapMs); slot <= slotOf(streamTime.value); slot += gapMs) {
          const met = sessions.get(key, slot);
          if (met === undefined || met.end < timestamp - gapMs || met.start > timestamp + gapMs) continue;
          // Of two, the one with more merchants stays, so that few are moved.
          const [larger, smaller] = met.merchants.length > session.merchants.length ? [met, session] : [session, met];
          merge(larger, smaller);
          session = larger;
          sessions.delete(key, slot);
        }
        if (!session.alerted && session.count >= 5 && session.cents > 50_000) {
          session.alerted = true;
          const { start, end, count, cents, merchants } = session;
          out.next({ start, end, count, cents, merchants: merchants.length });
        }
        sessions.put(key, slotOf(session.end), session);
        context.fold();
        const before = slotOf(streamTime.value - lateMs - gapMs);
        if (before > expired.value) sessions.expire((expired.value = before));
      };
    }) as never,
  ]),
  key: (_value, { key }) => key,
  encode: (value, { key }) => write({ card: key, ...(value as Alert) }),
};

function merge(session: Session, met: Session): void {
  if (met.start < session.start) session.start = met.start;
  if (met.end > session.end) session.end = met.end;
  session.count += met.count;
  session.cents += met.cents;
  session.alerted ||= met.alerted;
  for (const merchant of met.merchants) {
    if (session.merchants.length < mostMerchants && !session.merchants.includes(merchant)) session.merchants.push(merchant);
  }
}
