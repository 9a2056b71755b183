import { crc32c } from "../codec/crc32c.ts";

export type OpenBatch = { readonly count: number; readonly byteLength: number; readonly values: readonly string[] };

const varint = (value: number): number[] => {
  const out: number[] = [];
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  for (; zigzag >= 128; zigzag = Math.floor(zigzag / 128)) out.push((zigzag % 128) | 128);
  out.push(zigzag);
  return out;
};

export const batchOf = (...values: string[]): OpenBatch => ({ count: values.length, byteLength: 61, values });

export function sealBatch(
  { values, count }: OpenBatch,
  p: { readonly producerId: bigint; readonly producerEpoch: number; readonly firstSequence: number; readonly transactional: boolean },
): Buffer {
  const records = values.map((value, i) => {
    const bytes = Buffer.from(value);
    const body = Buffer.concat([
      Buffer.from([0, ...varint(0), ...varint(i), ...varint(-1), ...varint(bytes.length)]),
      bytes,
      Buffer.from([0]),
    ]);
    return Buffer.concat([Buffer.from(varint(body.length)), body]);
  });
  const head = Buffer.alloc(61);
  const all = Buffer.concat([head, ...records]);
  all.writeInt32BE(all.length - 12, 8);
  all.writeInt32BE(-1, 12);
  all[16] = 2;
  all.writeInt16BE(p.transactional ? 16 : 0, 21);
  all.writeInt32BE(count - 1, 23);
  all.writeBigInt64BE(BigInt(Date.now()), 27);
  all.writeBigInt64BE(BigInt(Date.now()), 35);
  all.writeBigInt64BE(p.producerId, 43);
  all.writeInt16BE(p.producerEpoch, 51);
  all.writeInt32BE(p.firstSequence, 53);
  all.writeInt32BE(count, 57);
  all.writeUInt32BE(crc32c(all.subarray(21)), 17);
  return all;
}
