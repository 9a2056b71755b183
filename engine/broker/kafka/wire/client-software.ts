/** What a connection tells brokers of itself, by the names that the Kafka library has for it. */
export const clientSoftwareName = "millrace";
export const clientSoftwareVersion = "0.1.0";
