import { rejectionCodes, retryCodes, warningCodes } from "#gateway/event-codes.ts";

/** Every code that a single event can have. */
export const eventCodeLists: readonly string[] = [...rejectionCodes, ...retryCodes, ...warningCodes];
