/** Where the rows of a stream's readings are stored. Plain data. */
export interface RowStream {
  /** Name of the stream. It is also the name of its table, unless the stream is a view. */
  readonly name: string;
  /** Where the rows of a view are. Absent for other streams. */
  readonly viewRows?: ViewRows | undefined;
  /** For a correlation: the second stream, and how far its rows may be from those of the first, in milliseconds. */
  readonly other?: { readonly stream: RowStream; readonly apartMs: number };
}

/**
 * Rows in the table `facts`. The time of a row is the end of a window. The view's reading has the last instant inside the window, which is
 * earlier.
 */
export interface ViewRows {
  /** The `per` of the view. */
  readonly per: readonly string[];
  /** How much later the time of a row is than the time of its reading, in milliseconds: minimum and maximum. */
  readonly behindMs: readonly [least: number, most: number];
}
