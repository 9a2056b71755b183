/** What keeps `millrace run` from starting, or from ending well, that is neither Kafka's word nor a worker's. */
export const runCodes = ["RUN_PORT_TAKEN", "RUN_CANNOT_LISTEN", "RUN_STATE_FOLDER", "RUN_STOP_TIMEOUT", "RUN_TOPOLOGY_CHANGED"] as const;
export type RunCode = (typeof runCodes)[number];
