import { connect, type Socket } from "node:net";

/** What one node says of itself and its cluster. */
export type NodeAnswer = {
  /** The ids of the brokers it knows to be alive, ascending. */
  readonly brokers: readonly number[];
  readonly partitions: { readonly all: number; readonly withLeader: number; readonly inSync: number };
  /** Both coordinators, of groups and of transactions, can be found; asking makes a fresh cluster create their topics. */
  readonly coordinated: boolean;
  /** The id of the active controller, if the quorum has one. */
  readonly controller: number | undefined;
};

/** Asks a node on the loopback in its own protocol, in a few requests of some bytes. Rejects when there is no answer in time. */
export async function askNode(port: number, deadlineMs: number): Promise<NodeAnswer> {
  const socket = connect({ port, host: "127.0.0.1" });
  const ask = asker(socket);
  const deadline = setTimeout(() => socket.destroy(new Error(`no answer from 127.0.0.1:${port} in ${deadlineMs} ms`)), deadlineMs);
  try {
    const metadata = readMetadata(await ask(metadataRequest));
    const quorum = readQuorum(await ask(quorumRequest));
    const group = await ask(coordinatorRequest(0));
    const transactions = await ask(coordinatorRequest(1));
    return { ...metadata, controller: quorum, coordinated: group.readInt16BE(4) === 0 && transactions.readInt16BE(4) === 0 };
  } finally {
    clearTimeout(deadline);
    socket.destroy();
  }
}

// Every request: size, api key, version, correlation id, client id (none). Every answer: size, correlation id.
const correlation = 1;

/** Metadata v1: all topics. */
const metadataRequest = request(3, 1, int32(-1));
/** DescribeQuorum v0 of `__cluster_metadata` 0; a flexible version: lengths are written plus one, structures end in their tags (none). */
const quorumTopic = Buffer.from("__cluster_metadata");
const quorumRequest = request(
  55,
  0,
  Buffer.concat([Buffer.from([0, 2, quorumTopic.length + 1]), quorumTopic, Buffer.from([2]), int32(0), Buffer.from([0, 0, 0])]),
);
/** FindCoordinator v1, of a group (0) or a transactional id (1). */
function coordinatorRequest(kind: 0 | 1): Buffer {
  return request(10, 1, Buffer.concat([text("millrace-ready"), Buffer.from([kind])]));
}

function request(apiKey: number, version: number, body: Buffer): Buffer {
  const content = Buffer.concat([int16(apiKey), int16(version), int32(correlation), int16(-1), body]);
  return Buffer.concat([int32(content.length), content]);
}

function readMetadata(answer: Buffer): Pick<NodeAnswer, "brokers" | "partitions"> {
  const read = reader(answer);
  const brokers = read.array(() => {
    const id = read.int32();
    read.text();
    read.int32();
    read.text();
    return id;
  });
  read.int32(); // A broker to which requests for the controller may go, not the controller.
  const partitions = read
    .array(() => {
      read.int16();
      read.text();
      read.byte();
      return read.array(() => {
        read.int16();
        read.int32();
        const leader = read.int32();
        const replicas = read.array(read.int32);
        return { led: leader >= 0, inSync: read.array(read.int32).length === replicas.length };
      });
    })
    .flat();
  return {
    brokers: brokers.sort((a, b) => a - b),
    partitions: {
      all: partitions.length,
      withLeader: partitions.filter(({ led }) => led).length,
      inSync: partitions.filter(({ inSync }) => inSync).length,
    },
  };
}

function readQuorum(answer: Buffer): number | undefined {
  // Tags of the header, error, one topic with its name, one partition with index and error, then the leader.
  const errorAt = 1;
  if (answer.readInt16BE(errorAt) !== 0) return undefined;
  const partitionAt = errorAt + 2 + 1 + 1 + quorumTopic.length + 1;
  if (answer.readInt16BE(partitionAt + 4) !== 0) return undefined;
  const leader = answer.readInt32BE(partitionAt + 6);
  return leader < 0 ? undefined : leader;
}

function asker(socket: Socket): (request: Buffer) => Promise<Buffer> {
  const answers = frames(socket);
  return async (bytes) => {
    socket.write(bytes);
    const { value, done } = await answers.next();
    if (done) throw new Error("the node closed the connection");
    return value;
  };
}

/** The answers without size and correlation id. */
async function* frames(socket: Socket): AsyncGenerator<Buffer, void> {
  let held: Buffer = Buffer.alloc(0);
  for await (const bytes of socket) {
    held = Buffer.concat([held, bytes as Buffer]);
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0);
      yield held.subarray(8, end);
      held = held.subarray(end);
    }
  }
}

function reader(bytes: Buffer) {
  let at = 0;
  const step = (size: number): number => (at += size) - size;
  const read = {
    byte: (): number => bytes.readInt8(step(1)),
    int16: (): number => bytes.readInt16BE(step(2)),
    int32: (): number => bytes.readInt32BE(step(4)),
    /** Empty for null. */
    text: (): string => {
      const size = Math.max(read.int16(), 0);
      const start = step(size);
      return bytes.toString("utf8", start, start + size);
    },
    array: <T>(one: () => T): T[] => Array.from({ length: Math.max(read.int32(), 0) }, one),
  };
  return read;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}
