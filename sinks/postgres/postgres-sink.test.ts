import { PGlite } from "@electric-sql/pglite";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance, type SinkFault, type SinkHarness } from "#engine/delivery/conformance.ts";
import { deliveryOf } from "../proving/delivery-of.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { deliverThroughKills } from "../proving/killed-delivery.ts";
import { postgresPrograms, startPostgres, type PostgresServer } from "../proving/postgres-server.ts";
import { TcpProxy } from "../proving/tcp-proxy.ts";
import { connectPostgres, type PostgresConnection, settingsOf } from "./postgres-connection.ts";
import type { PostgresRow } from "./postgres-row.ts";
import { PostgresSink, type PostgresSinkOptions } from "./postgres-sink.ts";
import type { PostgresColumn } from "./postgres-table.ts";

/** They only keep a test from hanging. */
const killsMs = 480_000;
const startMs = 180_000;
const never = new AbortController().signal;
const columns: readonly PostgresColumn[] = [
  { name: "k", type: "text" },
  { name: "v", type: "text" },
];
const sunk = { columns, key: ["k"] };
const plain = ({ key, value }: Delivery): PostgresRow => ({ k: key, v: value === null ? null : Buffer.from(value).toString() });

/** What the tests below need of a database, to look at it beside the sink. */
type Place = {
  connect(): PostgresConnection;
  ask(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
};

/** PGlite has one session, which all share; closed with the place. */
async function openLite(): Promise<Place & { readonly connection: PostgresConnection }> {
  const lite = await PGlite.create();
  const connection: PostgresConnection = {
    query: async (text, values) => (await lite.query<Record<string, unknown>>(text, [...values])).rows,
    close: async () => undefined,
  };
  return {
    connection,
    connect: () => connection,
    ask: (text) => connection.query(text, [], never),
    close: () => lite.close(),
  };
}

async function openServer(server: PostgresServer): Promise<Place> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  return {
    connect: () => connectPostgres({ url: server.url }),
    ask: async (text) => (await client.query<Record<string, unknown>>(text)).rows,
    close: () => client.end(),
  };
}

let tables = 0;
const freshTable = (): string => `Sunk "${++tables}"`;
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const refusal = (table: string): string => `ALTER TABLE ${quote(table)} ADD CONSTRAINT good CHECK (k NOT LIKE 'bad%')`;

async function effectsIn(place: Place, table: string): Promise<{ key: string; value: string }[]> {
  const [found] = await place.ask(`SELECT to_regclass('${quote(table)}') IS NOT NULL AS found`);
  if (found?.["found"] !== true) return [];
  return (await place.ask(`SELECT k AS key, v AS value FROM ${quote(table)}`)) as { key: string; value: string }[];
}

// In CI nothing is skipped: there the tests themselves say what is missing.
describe.skipIf(postgresPrograms === undefined && !process.env["CI"])(
  "a PostgreSQL server (needs initdb and postgres, Debian's postgresql)",
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres();
    }, startMs);
    afterAll(() => server.stop());

    sinkConformance("postgres: the laws of delivery", async (): Promise<SinkHarness> => {
      const proxy = await TcpProxy.open(server.port, (bytes) => bytes.includes("INSERT INTO"));
      const place = await openServer(server);
      const locker = new Client({ connectionString: server.url });
      await locker.connect();
      const table = freshTable();
      const url = server.url.replace(String(server.port), String(proxy.port));
      const sink = new PostgresSink({ ...sunk, table, render: plain, connection: connectPostgres({ url, callMs: 250 }), callMs: 250 });
      let fault: SinkFault = "none";
      await sink.prepare(never);
      return {
        sink,
        keeps: "newest",
        behave: async (next) => {
          if (fault === "busy") await locker.query("ROLLBACK");
          if (fault === "refuses") await locker.query(`ALTER TABLE ${quote(table)} DROP CONSTRAINT good`);
          fault = next;
          if (next === "busy") await locker.query("BEGIN").then(() => locker.query(`LOCK TABLE ${quote(table)} IN EXCLUSIVE MODE`));
          if (next === "refuses") await locker.query(refusal(table));
          const states = { down: "cut", hangs: "stall", cuts: "mute" } as const;
          proxy.enter(next in states ? states[next as keyof typeof states] : "open");
        },
        effects: () => effectsIn(place, table),
        close: async () => {
          await Promise.all([place.close(), locker.end()]);
          await proxy.close();
        },
      };
    });

    test(
      "[D20][D21] after ten kills in the middle the table has the last value of each key, and no other",
      { timeout: killsMs },
      async () => {
        const seed = testSeed();
        const random = seededRandom(seed);
        const table = freshTable();
        const wanted = await deliverThroughKills({ url: server.url, name: table, kills: 10 }, () => random.between(1, 12));
        const place = await openServer(server);
        const found = await place.ask(`SELECT k, v FROM ${quote(table)}`);
        await place.close();
        expect(new Map(found.map(({ k, v }) => [k, v])), `SEED=${seed}`).toEqual(wanted);
        expect(wanted.size).toBeGreaterThan(0);
      },
    );

    laws("postgres", () => openServer(server));
  },
);

describe("PGlite", () => {
  let place: Awaited<ReturnType<typeof openLite>>;
  beforeAll(async () => {
    place = await openLite();
  }, startMs);
  afterAll(() => place.close());

  sinkConformance("PGlite: the laws of delivery", async (): Promise<SinkHarness> => {
    const table = freshTable();
    let fault: SinkFault = "none";
    let heal = Promise.withResolvers<void>();
    const connection: PostgresConnection = {
      async query(text, values, signal) {
        if (fault === "down") throw new Error("the line is down");
        if (fault === "busy") throw Object.assign(new Error("too many connections"), { code: "53300" });
        if (fault === "hangs") await heal.promise;
        signal.throwIfAborted();
        const rows = await place.connection.query(text, values, signal);
        if (fault === "cuts") throw new Error("the line broke");
        return rows;
      },
      close: async () => undefined,
    };
    const sink = new PostgresSink({ ...sunk, table, render: plain, connection, callMs: 250 });
    await sink.prepare(never);
    return {
      sink,
      keeps: "newest",
      behave: async (next) => {
        if (fault === "refuses") await place.ask(`ALTER TABLE ${quote(table)} DROP CONSTRAINT good`);
        fault = next;
        if (next === "refuses") await place.ask(refusal(table));
        heal.resolve();
        heal = Promise.withResolvers();
      },
      effects: () => effectsIn(place, table),
      close: async () => undefined,
    };
  });

  laws("PGlite", async () => ({ ...place, close: async () => undefined }));
});

/** What the sink does to a table, whichever PostgreSQL it is. */
function laws(what: string, open: () => Promise<Place>): void {
  describe(`${what}: the laws of tables`, () => {
    let place: Place;
    const sinks: PostgresSink[] = [];
    beforeAll(async () => {
      place = await open();
    });
    afterAll(async () => {
      await Promise.all(sinks.map((sink) => sink.close()));
      await place.close();
    });

    const sinkTo = (table: string, options: Partial<PostgresSinkOptions> = {}): PostgresSink => {
      const sink = new PostgresSink({ ...sunk, table, render: plain, connection: place.connect(), ...options });
      sinks.push(sink);
      return sink;
    };
    const rows = (table: string) => place.ask(`SELECT k, v FROM ${quote(table)} ORDER BY k`);

    test("[D20] one call writes, overwrites and deletes", async () => {
      const table = freshTable();
      const sink = sinkTo(table);
      await sink.deliver([deliveryOf(1, "a", "1"), deliveryOf(2, "b", "1"), deliveryOf(3, "c", "1")], never);
      const second = await sink.deliver([deliveryOf(4, "b", "2"), deliveryOf(5, "a", null), deliveryOf(6, "d", "1")], never);
      expect(second).toEqual([{ kind: "delivered" }, { kind: "delivered" }, { kind: "delivered" }]);
      expect(await rows(table)).toEqual([
        { k: "b", v: "2" },
        { k: "c", v: "1" },
        { k: "d", v: "1" },
      ]);
    });

    test("[D21] an older record neither overwrites nor deletes a newer one, and counts as delivered", async () => {
      const table = freshTable();
      const sink = sinkTo(table);
      await sink.deliver([deliveryOf(9, "a", "new"), deliveryOf(10, "b", "new")], never);
      const again = await sink.deliver([deliveryOf(3, "a", "old"), deliveryOf(4, "b", null)], never);
      expect(again).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
      expect(await rows(table)).toEqual([
        { k: "a", v: "new" },
        { k: "b", v: "new" },
      ]);
    });

    test("[D21] a redriven record overwrites nothing newer than what it was at first", async () => {
      const table = freshTable();
      const sink = sinkTo(table);
      await sink.deliver([deliveryOf(4, "a", "new"), deliveryOf(2, "b", "old")], never);
      const redriven = [deliveryOf(9, "a", "redriven"), deliveryOf(10, "b", "redriven")].map((one) => ({ ...one, order: 3n }));
      expect(await sink.deliver(redriven, never)).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
      await sink.deliver([deliveryOf(5, "b", "newer")], never);
      expect(await rows(table)).toEqual([
        { k: "a", v: "new" },
        { k: "b", v: "newer" },
      ]);
    });

    test("[D21] another partition, and a topic made anew under another origin, overwrite whatever the offsets say", async () => {
      const table = freshTable();
      await sinkTo(table, { origin: "first:" }).deliver([deliveryOf(9, "a", "1"), deliveryOf(10, "b", "1")], never);
      await sinkTo(table, { origin: "second:" }).deliver([deliveryOf(0, "a", "2")], never);
      await sinkTo(table, { origin: "first:" }).deliver(
        [{ ...deliveryOf(0, "b", "2"), at: { topic: "t", partition: 1, offset: 0n } }],
        never,
      );
      expect(await rows(table)).toEqual([
        { k: "a", v: "2" },
        { k: "b", v: "2" },
      ]);
    });

    test("[D20] records of different keys that come to one row are written in their order", async () => {
      const table = freshTable();
      const sink = sinkTo(table, { render: ({ value }) => ({ k: "same", v: Buffer.from(value!).toString() }) });
      const results = await sink.deliver([deliveryOf(1, "a", "1"), deliveryOf(2, "b", "2"), deliveryOf(3, "c", "3")], never);
      expect(results).toEqual(Array.from({ length: 3 }, () => ({ kind: "delivered" })));
      expect(await rows(table)).toEqual([{ k: "same", v: "3" }]);
    });

    test("[D20] two texts that are one key to PostgreSQL are written in their order", async () => {
      const table = freshTable();
      const columns: PostgresColumn[] = [
        { name: "k", type: "bigint" },
        { name: "v", type: "text" },
      ];
      const sink = sinkTo(table, { columns });
      expect(await sink.deliver([deliveryOf(1, "7", "1"), deliveryOf(2, "07", "2")], never)).toEqual([
        { kind: "delivered" },
        { kind: "delivered" },
      ]);
      expect(await rows(table)).toMatchObject([{ v: "2" }]);
    });

    test("[D22] each type arrives as it is", async () => {
      const table = freshTable();
      const values = {
        k: "a",
        t: `"'\\{},\n NULL ü 😀`,
        i: 9_223_372_036_854_775_807n,
        n: "12345678901234567890.123456789",
        at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
        yes: true,
        j: { a: [1, null, "NULL"], b: "{}" },
        d: 0.1,
        none: null,
      };
      const columns: PostgresColumn[] = [
        { name: "k", type: "text" },
        { name: "t", type: "text" },
        { name: "i", type: "bigint" },
        { name: "n", type: "numeric" },
        { name: "at", type: "timestamptz" },
        { name: "yes", type: "boolean" },
        { name: "j", type: "jsonb" },
        { name: "d", type: "double precision" },
        { name: "none", type: "jsonb" },
      ];
      expect(await sinkTo(table, { columns, render: () => values }).deliver([deliveryOf(1, "a", "")], never)).toEqual([
        { kind: "delivered" },
      ]);
      const [row] = await place.ask(`SELECT t, i::text, n::text, extract(epoch FROM at)::text AS at, yes, j, d, none FROM ${quote(table)}`);
      expect(row).toEqual({
        t: values.t,
        i: "9223372036854775807",
        n: values.n,
        at: "1767323045.678000",
        yes: true,
        j: values.j,
        d: 0.1,
        none: null,
      });
    });

    test("[D23] what one record did wrong is refused with the server's words, and the others are written", async () => {
      const table = freshTable();
      const columns: PostgresColumn[] = [
        { name: "k", type: "text" },
        { name: "v", type: "bigint" },
      ];
      const sink = sinkTo(table, { columns });
      const batch = Array.from({ length: 20 }, (_, i) => deliveryOf(i, `k${i}`, i === 3 || i === 17 ? "many" : String(i)));
      const results = await sink.deliver(batch, never);
      expect(results.map(({ kind }) => kind)).toEqual(batch.map((_, i) => (i === 3 || i === 17 ? "refused" : "delivered")));
      expect(results[3]).toMatchObject({ reason: "sql-22P02", answer: expect.stringContaining("many") as string });
      expect(await rows(table)).toHaveLength(18);
    });

    test("[D23] what cannot be rendered is refused before anything is sent", async () => {
      const sink = sinkTo(freshTable(), { render: ({ key }) => (key === "b" ? { k: null } : key === "c" ? { k: "c", x: 1 } : { k: key }) });
      expect(await sink.deliver([deliveryOf(1, "a", ""), deliveryOf(2, "b", ""), deliveryOf(3, "c", "")], never)).toEqual([
        { kind: "delivered" },
        { kind: "refused", reason: "unrenderable", answer: "k is part of the key and is missing" },
        { kind: "refused", reason: "unrenderable", answer: "the table has no column x" },
      ]);
    });

    test("[D24] a table that is otherwise is left as it is, and told column by column", async () => {
      const table = freshTable();
      await place.ask(`CREATE TABLE ${quote(table)} (k integer, must text NOT NULL, fine text NOT NULL DEFAULT '', millrace_source text)`);
      const refused = sinkTo(table).prepare(never);
      await expect(refused).rejects.toMatchObject({ code: "POSTGRES_TABLE_MISMATCH" });
      const { message } = (await refused.catch((error: unknown) => error)) as Error;
      const name = quote(table);
      for (const right of [
        `k is integer, not text: ALTER TABLE ${name} ALTER COLUMN "k" TYPE text`,
        `it has no column v: ALTER TABLE ${name} ADD COLUMN "v" text`,
        `ADD COLUMN "millrace_offset" bigint`,
        `ALTER TABLE ${name} ALTER COLUMN "must" DROP NOT NULL`,
        `CREATE UNIQUE INDEX ON ${name} ("k")`,
      ])
        expect(message).toContain(right);
      expect(message).not.toContain("fine");
    });

    test("[D24] a table made by others that fits is written to, and one that is dropped is made again", async () => {
      const table = freshTable();
      await place.ask(`CREATE TABLE ${quote(table)} (more text, v varchar, k text UNIQUE, millrace_offset bigint, millrace_source text)`);
      const sink = sinkTo(table);
      expect(await sink.deliver([deliveryOf(1, "a", "1")], never)).toEqual([{ kind: "delivered" }]);
      await place.ask(`DROP TABLE ${quote(table)}`);
      expect(await sink.deliver([deliveryOf(2, "a", "2")], never)).toMatchObject([
        { kind: "retry", reason: expect.stringContaining("42P01") as string },
      ]);
      expect(await sink.deliver([deliveryOf(2, "a", "2")], never)).toEqual([{ kind: "delivered" }]);
      expect(await rows(table)).toEqual([{ k: "a", v: "2" }]);
    });
  });
}

describe("the URL of a database", () => {
  test.each([
    ["postgres://me:secret@127.0.0.1/shop", false],
    ["postgres:///shop?host=/var/run/postgresql", false],
    ["postgresql://db.example/shop?sslmode=disable", false],
    ["postgresql://me:secret@db.example/shop", { rejectUnauthorized: true }],
    ["postgres://127.0.0.1/shop?sslmode=require&application_name=x", { rejectUnauthorized: true }],
  ])("[D25] %s: TLS is spoken where it leaves the machine", (url, ssl) => {
    const settings = settingsOf(url);
    expect(settings.ssl).toEqual(ssl);
    expect(settings.connectionString).not.toContain("sslmode");
  });

  test.each(["nonsense secret", "http://me:secret@db.example", "postgres://me:secret@db.example/?sslmode=prefer"])(
    "[D25] %s is refused, and nothing secret is told",
    (url) => {
      expect(() => settingsOf(url)).toThrow(expect.objectContaining({ code: "POSTGRES_URL_MALFORMED" }) as Error);
      expect(() => settingsOf(url)).not.toThrow(/secret/);
    },
  );

  test("[D25] an authority that cannot be read is told by its path", () => {
    expect(() => settingsOf("postgres://db.example/shop?sslrootcert=/nowhere/ca.pem")).toThrow(/\/nowhere\/ca\.pem/);
  });
});

describe("a description of a table", () => {
  test("[D24] names every mistake", () => {
    const connection: PostgresConnection = { query: async () => [], close: async () => undefined };
    const columns: PostgresColumn[] = [
      { name: "a", type: "text" },
      { name: "a", type: "text" },
      { name: "millrace_offset", type: "text" },
      { name: "x".repeat(64), type: "text" },
    ];
    const make = () => new PostgresSink({ table: "t", columns, key: ["b", "b"], render: () => ({}), connection });
    expect(make).toThrow(expect.objectContaining({ code: "POSTGRES_TABLE_MALFORMED" }) as Error);
    for (const mistake of [/two columns a;/, /millrace_offset is a column of/, /has 64 bytes/, /the key b is none/, /names b twice/])
      expect(make).toThrow(mistake);
  });
});
