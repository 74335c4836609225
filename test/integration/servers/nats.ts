import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type EmbeddedNats, type EmbeddedNatsOptions, startNats } from '../../../connectors/embedded/nats.ts';

/** A folder that is gone when the running test is over. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-nats-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A real NATS server for the running test, stopped when it is over; in a folder of its own unless `dir` names one. */
export async function testNats(options: Partial<EmbeddedNatsOptions> = {}): Promise<EmbeddedNats & { dir: string }> {
  const dir = options.dir ?? (await temporaryFolder());
  const server = await startNats({ ...options, dir });
  onTestFinished(() => server.stop());
  return { ...server, dir };
}
