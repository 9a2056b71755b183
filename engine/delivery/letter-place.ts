/** Where a dead letter lies, which is its name. */
export type LetterPlace = { readonly topic: string; readonly partition: number; readonly offset: bigint };

/** `topic/partition/offset`. */
export const letterName = ({ topic, partition, offset }: LetterPlace): string => `${topic}/${partition}/${offset}`;

/** What `letterName` wrote; undefined for anything else. */
export function parseLetterName(text: string): LetterPlace | undefined {
  const match = /^([^/]{1,249})\/(0|[1-9]\d{0,8})\/(0|[1-9]\d{0,15})$/.exec(text);
  return match === null ? undefined : { topic: match[1]!, partition: Number(match[2]), offset: BigInt(match[3]!) };
}

const suffix = ".dlq";

/** The topic whose dead letters a topic holds. */
export const topicOfLetters = (letters: string): string => (letters.endsWith(suffix) ? letters.slice(0, -suffix.length) : letters);
