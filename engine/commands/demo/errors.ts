/** A server or the engine did not start. The message is shown to the user. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
}

/** A server or the engine exited, or did not answer, while the demo ran. The message is shown to the user. */
export class PartFailed extends Error {
  override readonly name = 'PartFailed';
}

/** A handler for the rejection of a client whose server does not answer; throws PartFailed. */
export function noAnswer(server: string): (error: unknown) => never {
  return (error) => {
    throw new PartFailed(`${server} did not answer: ${messageOf(error)}`, { cause: error });
  };
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
