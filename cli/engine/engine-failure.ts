/** What ended an engine's thread, or kept it from starting, with its code. */
export class EngineFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "EngineFailure";
    this.code = code;
  }
}
