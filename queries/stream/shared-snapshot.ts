import type { Ring } from "./ring.ts";
import type { Place, Slice, SliceRequest, StreamUnavailable } from "./stream-request.ts";
import type { StreamView } from "./stream-view.ts";

export type SnapshotPart = {
  readonly kind: "part";
  readonly bytes: Uint8Array;
  readonly at: Place;
  readonly next: SliceRequest["position"];
};

export type SharedSnapshotParts = {
  readonly ring: Ring;
  readonly view: StreamView;
  readonly read: (position: SliceRequest["position"]) => Promise<Slice | StreamUnavailable>;
  readonly nowMs: number;
};

/** Readers who come so much later read the rows anew. */
const youngMs = 1000;
/** Parts beyond this are read by each reader for itself: what is shared is held in memory. */
const sharedBytes = 4 << 20;

/** The rows of a view as they stand, in parts; each is read when the first of its readers asks for it. */
export class SharedSnapshot {
  readonly ring: Ring;
  /** The frame that came next when it began: what is told from there on is to follow. */
  readonly from: number;
  private readonly parts: SharedSnapshotParts;
  private readonly kept: Promise<SnapshotPart | StreamUnavailable>[] = [];
  private bytes = 0;

  constructor(parts: SharedSnapshotParts) {
    this.parts = parts;
    this.ring = parts.ring;
    this.from = parts.ring.end;
  }

  isYoung(nowMs: number): boolean {
    return nowMs - this.parts.nowMs < youngMs && nowMs >= this.parts.nowMs;
  }

  /** `position`: where the part before it stopped. */
  part(number: number, position: SliceRequest["position"]): Promise<SnapshotPart | StreamUnavailable> {
    const kept = this.kept[number];
    if (kept !== undefined) return kept;
    const part = this.readPart(number, position);
    if (number === this.kept.length && this.bytes < sharedBytes) this.kept.push(part);
    return part;
  }

  private async readPart(number: number, position: SliceRequest["position"]): Promise<SnapshotPart | StreamUnavailable> {
    const slice = await this.parts.read(position);
    if (slice.kind !== "slice") return slice;
    const bytes = this.parts.view.snapshot(slice, number);
    this.bytes += bytes.length;
    return { kind: "part", bytes, at: slice.at, next: slice.next };
  }
}
