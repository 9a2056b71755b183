/** Short, so that suites need not wait long for those who are gone. */
export const quickTimeouts = { sessionTimeoutMs: 2000, rebalanceTimeoutMs: 10_000, transactionTimeoutMs: 4000 } as const;
