import { joinGroupV9, syncGroupV5 } from "@platformatic/kafka";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { asKafkaError } from "../wire/kafka-error.ts";
import { persist } from "../wire/persist.ts";

export type RawMember = { readonly generationId: number; readonly memberId: string; readonly groupInstanceId: string | null };

/**
 * Joins a group by hand, alone or with the identity it has there already, and is given its generation. It sends no heartbeats:
 * the session lasts so long.
 */
export async function joinRaw(
  client: KafkaClient,
  group: string,
  { memberId = "", groupInstanceId = null, sessionMs = 60_000 }: Partial<RawMember> & { readonly sessionMs?: number } = {},
): Promise<RawMember> {
  const protocols = [{ name: "raw", metadata: Buffer.from("raw") }];
  let id = memberId;
  const joined = await persist(
    `joining ${group}`,
    { forMs: 20_000, mayPass: (error) => error.is("MEMBER_ID_REQUIRED") },
    async (refresh) => {
      const node = await client.coordinator("group", group, refresh);
      const args = [group, sessionMs, sessionMs, id, groupInstanceId, "raw", protocols] as const;
      try {
        return await client.ask(node, joinGroupV9.api, [...args], `joining ${group}`);
      } catch (thrown) {
        const error = asKafkaError(thrown, `joining ${group}`);
        if (error.is("MEMBER_ID_REQUIRED")) id = (error.answer as { readonly memberId: string }).memberId;
        throw error;
      }
    },
  );
  const { generationId, memberId: given, leader } = joined;
  const assignments =
    leader === given ? joined.members.map((member) => ({ memberId: member.memberId, assignment: Buffer.from("all") })) : [];
  await persist(`joining ${group}`, { forMs: 20_000 }, async (refresh) => {
    const node = await client.coordinator("group", group, refresh);
    return client.ask(node, syncGroupV5.api, [group, generationId, given, groupInstanceId, "raw", "raw", assignments], `joining ${group}`);
  });
  return { generationId, memberId: given, groupInstanceId };
}
