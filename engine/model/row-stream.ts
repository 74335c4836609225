/** Where the rows of a stream's readings are. Plain data. */
export interface RowStream {
  /** Also the name of its table, unless it is a view. */
  readonly name: string;
  /** Of a view. */
  readonly viewRows?: ViewRows | undefined;
  /** Of two streams made one: the second, and how far its rows may lie from those of the first; milliseconds. */
  readonly other?: { readonly stream: RowStream; readonly apartMs: number };
}

/** Rows in the table `facts`. Their time is the end of a window, which lies behind the last instant of it, by which its reading goes. */
export interface ViewRows {
  /** What the view groups by. */
  readonly per: readonly string[];
  /** By how much the time of a row lies behind that of its reading, at the least and at the most; milliseconds. */
  readonly behindMs: readonly [least: number, most: number];
}
