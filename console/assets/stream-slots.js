/**
 * Streams that all pages of this browser have open here at a time. Over HTTP/1.1 a browser keeps six connections to a server, whatever the number of
 * its windows; two of them are left for questions and posts.
 */
const mostStreams = 4;
/** Of this page, where pages cannot agree: browsers have no locks for a page that came unencrypted from another machine. */
const mostAlone = 1;

let alone = 0;

/** A place for one more stream, as a function that gives it back; undefined when all are taken. */
export async function takeSlot() {
  if (navigator.locks === undefined) return takeAlone();
  for (let n = 0; n < mostStreams; n++) {
    const release = await tryLock(`millrace-stream-${n}`);
    if (release !== undefined) return release;
  }
  return undefined;
}

function tryLock(name) {
  return new Promise((settle) => {
    const hold = (lock) => (lock === null ? settle(undefined) : new Promise((release) => settle(() => release())));
    navigator.locks.request(name, { ifAvailable: true }, hold).catch(() => settle(undefined));
  });
}

function takeAlone() {
  if (alone >= mostAlone) return undefined;
  alone += 1;
  let given = false;
  return () => {
    if (!given) alone -= 1;
    given = true;
  };
}
