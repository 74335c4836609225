import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type EmbeddedNats, type EmbeddedNatsOptions, startNats } from '../../../connectors/embedded/nats.ts';

/** A folder that is removed at the end of the running test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-nats-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A real NATS server for the running test, stopped at its end; in a new folder unless `dir` is given. */
export async function testNats(options: Partial<EmbeddedNatsOptions> = {}): Promise<EmbeddedNats & { dir: string }> {
  const dir = options.dir ?? (await temporaryFolder());
  const server = await startNats({ ...options, dir });
  onTestFinished(() => server.stop());
  return { ...server, dir };
}
