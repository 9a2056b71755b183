import { parseClusterUrl } from "../../engine/broker/kafka/wire/cluster-url.ts";
import type { ClusterSettings } from "../../engine/broker/kafka/wire/cluster.ts";
import { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";

/** The broker of this bench, by its bootstrap address; another process may be told to go through a proxy (`MILLRACE_KAFKA_VIA`). */
export const clusterAt = (bootstrap: string): ClusterSettings => parseClusterUrl(`kafka://${bootstrap}?client-id=bench`, process.env);

export async function withClient<T>(bootstrap: string, role: string, use: (client: KafkaClient) => Promise<T>): Promise<T> {
  const client = new KafkaClient(clusterAt(bootstrap), role);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
