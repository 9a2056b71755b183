import { encodeHeaders, type HeaderList, type NewRecord } from "#broker/record-batch.ts";

/** What goes into a batch, and what is expected of it; headers as a list, too. */
export type RandomRecord = NewRecord & { readonly key: Buffer | null; readonly value: Buffer | null; readonly headerList: HeaderList };

/** Records with whatever a batch must bear: nulls and empty bytes, long values, times that go back and forth by decades, headers in any alphabet. */
export function randomRecords(random: () => number, count: number): RandomRecord[] {
  const below = (bound: number): number => Math.floor(random() * bound);
  const oneOf = <T>(...choices: readonly (() => T)[]): T => choices[below(choices.length)]!();
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));
  const field = (): Buffer | null =>
    oneOf<Buffer | null>(
      () => null,
      () => bytes(0),
      () => bytes(below(20)),
      () => bytes(below(200)),
      () => Buffer.from(`${"word ".repeat(below(300))}`),
    );
  const text = (): string =>
    Array.from({ length: below(12) }, () => String.fromCodePoint([97 + below(26), 0xe9, 0x6771, 0x1f600][below(4)]!)).join("");
  let timestamp = 1.7e12;
  return Array.from({ length: count }, () => {
    timestamp = oneOf(
      () => timestamp,
      () => timestamp + below(100),
      () => timestamp - below(1e6),
      () => below(2 ** 45),
      () => 0,
    );
    const headerList: HeaderList = random() < 0.6 ? [] : Array.from({ length: 1 + below(4) }, () => [text(), text()] as const);
    return {
      timestamp,
      sequence: random() < 0.5 ? 0 : below(2 ** 31) * 2 ** 20,
      key: field(),
      value: field(),
      headers: encodeHeaders(headerList),
      headerList,
    };
  });
}
