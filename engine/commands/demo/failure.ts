/** Something that the demo consists of did not start; the message is for the user. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/** Something that the demo consists of ended, or fell silent, before its time; the message is for the user. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** To catch what somebody who answers no more makes a client reject with. */
export function silent(who: string): (error: unknown) => never {
  return (error) => {
    throw new Broken(`${who} did not answer: ${messageOf(error)}`, { cause: error });
  };
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
