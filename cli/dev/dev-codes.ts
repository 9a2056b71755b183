/** What keeps `millrace dev` from starting that is neither the log's word nor the engine's. */
export const devCodes = ["DEV_PORT_TAKEN", "DEV_CANNOT_LISTEN", "DEV_DATA_FOLDER", "DEV_WINDOW_CHANGED"] as const;
export type DevCode = (typeof devCodes)[number];
