/** What a page knows of a query's rows from answers and from its stream. Pure: neither asks nor waits. */

/** More than a page keeps in mind: then it goes on asking. */
const mostRows = 20_000;

/**
 * The first rows of a table whose rows change, from all of them: the stream begins with a snapshot. As long as it has not told all, the rows are those
 * of the last answer.
 */
export class FirstOfAll {
  constructor({ count, compare }) {
    this.count = count;
    this.compare = compare;
    this.all = new Map();
    this.answer = [];
    this.isHeard = false;
    /** Its own snapshot says all; nothing has to be asked for. */
    this.wantsAnswer = false;
  }

  begin() {
    this.all.clear();
  }

  /** Takes an event; false when there are too many rows to be heard. */
  take(name, data) {
    if (name === "snapshot" && data.part === 0) this.all.clear();
    if (name === "delete") for (const key of data.keys) this.all.delete(key);
    else for (const [key, row] of data.rows) this.all.set(key, row);
    return this.all.size <= mostRows;
  }

  answered(rows) {
    this.answer = rows;
  }

  rows() {
    return this.isHeard ? firstOf(this.all.values(), this) : this.answer;
  }
}

/**
 * The first rows of a table to which rows are only added: an answer, and what was heard since it was asked for. So nobody has to be told all that ever
 * was.
 */
export class FirstOfAdded {
  constructor({ count, compare }) {
    this.count = count;
    this.compare = compare;
    this.heard = [];
    this.known = [];
    this.isHeard = false;
    this.wantsAnswer = true;
  }

  begin() {
    this.heard = [];
    this.wantsAnswer = true;
  }

  take(name, data) {
    // What nobody expects here: somebody who knows has to be asked.
    if (name === "delete") this.begin();
    else {
      const rows = data.rows.map(([, row]) => row);
      this.heard = firstOf([...this.heard, ...rows], this);
      this.known = firstOf([...this.known, ...rows], this);
    }
    return true;
  }

  /** Nothing is heard for now: the next answer says all. */
  lost() {
    this.heard = [];
  }

  answered(rows) {
    this.known = firstOf([...rows, ...this.heard], this);
  }

  rows() {
    return this.known;
  }
}

/** The first `count` of rows by `compare`, each once: rows that are alike to it are one. */
export function firstOf(rows, { count, compare }) {
  const first = [];
  for (const row of rows) {
    const at = first.findIndex((other) => compare(row, other) <= 0);
    if (at < 0 && first.length >= count) continue;
    if (at >= 0 && compare(row, first[at]) === 0) first[at] = row;
    else first.splice(at < 0 ? first.length : at, 0, row);
    if (first.length > count) first.pop();
  }
  return first;
}

/** Orders rows by what `partsOf` says of them, part by part; `descending` first. Whole numbers beyond floating point are texts by then. */
export function byParts(partsOf, { descending = false } = {}) {
  return (a, b) => {
    const [left, right] = [partsOf(a), partsOf(b)];
    for (const [i, one] of left.entries()) {
      const other = right[i];
      if (one === other) continue;
      const isLess = typeof one === typeof other ? one < other : Number(one) < Number(other);
      return isLess === (descending && i === 0) ? 1 : -1;
    }
    return 0;
  };
}
