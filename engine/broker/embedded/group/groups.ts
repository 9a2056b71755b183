import type { GroupSpec } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Group } from "./group.ts";

const schema = [`CREATE TABLE groups(grp TEXT PRIMARY KEY, generation INTEGER NOT NULL, tasks TEXT NOT NULL) WITHOUT ROWID;`];

/** The groups that ever joined: their generations, and what they read, outlive the process. */
export class Groups {
  readonly #database;
  readonly #options;
  readonly #select;
  readonly #open = new Map<string, Group>();
  readonly #tasks = new Map<string, GroupSpec["tasks"]>();

  constructor(database: EmbeddedDatabase, options: { readonly revokeTimeoutMs: number; readonly drain: () => void }) {
    database.migrate("groups", schema);
    this.#database = database;
    this.#options = options;
    this.#select = database.connection.prepare("SELECT generation FROM groups WHERE grp = ?");
    for (const row of database.read(() => database.connection.prepare("SELECT grp, tasks FROM groups").all())) {
      this.#tasks.set(String(row["grp"]), JSON.parse(String(row["tasks"])) as GroupSpec["tasks"]);
    }
  }

  /** The group, when somebody has joined it since the log was opened. */
  find(name: string): Group | undefined {
    return this.#open.get(name);
  }

  open(name: string): Group {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const { drain, revokeTimeoutMs } = this.#options;
    const generation = this.#database.read(() => Number(this.#select.get(name)?.["generation"] ?? 0));
    const raise = (raised: number, tasks: GroupSpec["tasks"]): void => {
      drain();
      this.#save(name, raised, tasks);
    };
    const group = new Group({ generation, revokeTimeoutMs, raise });
    this.#open.set(name, group);
    return group;
  }

  /** What each group reads, by the list that it joined with last. */
  tasks(): ReadonlyMap<string, GroupSpec["tasks"]> {
    return this.#tasks;
  }

  #save(name: string, generation: number, tasks: GroupSpec["tasks"]): void {
    const { connection } = this.#database;
    this.#database.transaction("full", () => {
      connection.prepare("INSERT OR REPLACE INTO groups VALUES (?, ?, ?)").run(name, generation, JSON.stringify(tasks));
    });
    this.#tasks.set(name, tasks);
  }
}
