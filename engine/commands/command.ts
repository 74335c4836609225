/** The environment of a command, besides files and the network. */
export interface CommandIo {
  /** Results, which a user may pipe to another program. Control characters are written as escapes. */
  readonly stdout: NodeJS.WritableStream;
  /** Warnings, errors and the state of connections. */
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user wants the command to end. The command then finishes its current work and returns. */
  readonly signal: AbortSignal;
  /**
   * Standard output without escaping, if it is a terminal: control characters work, so that a command can rewrite lines. Pass text from
   * outside through `printable` first.
   */
  readonly terminal?: NodeJS.WritableStream;
}

/** A command of the command line. */
export interface Command {
  /** The word after `weir`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `weir NAME --help` prints, without the final newline. */
  readonly help: string;
  /**
   * Runs with the arguments after the name. Resolves with the exit code: 0 done, 1 failed, 2 wrong use.
   * Rejects with the error of `parseArgs` for a wrong option; any other rejection is a bug.
   */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}
