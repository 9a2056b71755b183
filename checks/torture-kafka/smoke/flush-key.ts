/** Key of the record that pushes stream time forward in the end; no output shows it. */
export const flushKey = "flush";
