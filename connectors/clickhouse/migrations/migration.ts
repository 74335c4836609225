/** A numbered change of the database, never edited once it has been released. */
export interface Migration {
  /** The number of its file; migrations are applied in its order. */
  readonly id: number;
  readonly name: string;
  /** Each may run again, and at the same time as itself: `IF NOT EXISTS` and the like. `database` comes quoted. */
  readonly statements: (database: string) => readonly string[];
}
