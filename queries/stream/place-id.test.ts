import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { PlaceIds } from "./place-id.ts";

const ids = new PlaceIds("log", "question");
/** An id by somebody who knows the log and the question. */
function forged(body: string): string {
  const text = Buffer.from(body).toString("base64url");
  return `${text}.${createHmac("sha256", "log").update(`question\n${text}`).digest("base64url").slice(0, 16)}`;
}

test("[Q36] an id says what it was made of", () => {
  const place = { place: [0n, 9007199254740993n], from: 5, to: undefined };
  expect(ids.parse(ids.format(place))).toEqual(place);
  expect(new PlaceIds("other", "question").parse(ids.format(place))).toBeUndefined();
  expect(new PlaceIds("log", "other").parse(ids.format(place))).toBeUndefined();
});

test("[Q36] what is no place is none, even if it is signed", () => {
  expect(ids.parse(forged('[1,["7"],null,null]'))).toEqual({ place: [7n], from: undefined, to: undefined });
  for (const body of [
    "",
    "{}",
    "null",
    "[1,7,null,null]",
    '[1,["-7"],null,null]',
    "[1,[7],null,null]",
    '[1,["7"],"x",null]',
    '[1,["7"],null,1e400]',
  ])
    expect(ids.parse(forged(body)), body).toBeUndefined();
});
