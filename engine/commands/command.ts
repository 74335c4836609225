/** What a command may touch besides files and the network. */
export interface CommandIo {
  /** Results: what a user may pipe on. Control characters are shown, not carried out. */
  readonly stdout: NodeJS.WritableStream;
  /** Warnings, errors and the fate of connections. */
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires when the user wants the command to end; it then finishes what is under way and returns. */
  readonly signal: AbortSignal;
  /**
   * Standard output as it is, where that is a terminal: what is written there steers it, so that lines can be rewritten. Text from
   * outside must be made `printable` first.
   */
  readonly terminal?: NodeJS.WritableStream;
}

/** A verb of the command line. */
export interface Command {
  /** The word behind `weir`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `weir NAME --help` prints, without the final newline. */
  readonly help: string;
  /**
   * Runs with the arguments behind the verb and resolves with the exit code: 0 done, 1 failed, 2 used wrongly.
   * Rejects only for a programming error.
   */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}
