import type { JournalRecord } from '../../engine/model/record.ts';

/** Returns true only at the `times`-th call. */
export function at(times: number): () => boolean {
  let calls = 0;
  return () => ++calls === times;
}

/** Ends the process like `kill -9`. */
export function crash(): void {
  process.kill(process.pid, 'SIGKILL');
}

export const hasMessages = (records: readonly JournalRecord[]) => records.some(({ kind }) => kind === 'message');
export const hasCut = (records: readonly JournalRecord[]) =>
  records.some((record) => record.kind === 'mark' && record.mark === 'cut');
