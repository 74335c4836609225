/** A numbered change of the database. It is never edited after its release. */
export interface Migration {
  /** The number in the file name. Migrations are applied in this order. */
  readonly id: number;
  readonly name: string;
  /** Each statement may run again, also at the same time in two processes (`IF NOT EXISTS`). `database` is a quoted name. */
  readonly statements: (database: string) => readonly string[];
}
