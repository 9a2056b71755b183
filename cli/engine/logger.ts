import { pino, type Logger } from "pino";

/** JSON lines: everything of `level` and above to the file, warnings and errors to stderr as well. Never a payload, never a key. */
export function createLogger(file: string, level: string): Logger {
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.multistream([
      { level: level as "info", stream: pino.destination({ dest: file, sync: true, append: true }) },
      { level: "warn", stream: pino.destination({ dest: 2, sync: true }) },
    ]),
  );
}

/** JSON lines to the file alone, of what is said otherwise to whoever started the process. */
export function createFileLogger(file: string): Logger {
  return pino(
    { base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: file, sync: true, append: true }),
  );
}

/** JSON lines of `level` and above on stderr, where whoever runs the process gathers them. Never a payload, never a key. */
export function createStderrLogger(level: string): Logger {
  return pino({ level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}
