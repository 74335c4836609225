import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedClickHouse, startClickHouse } from '../../../connectors/embedded/clickhouse.ts';

/**
 * A ClickHouse server on a free port with a temporary directory. `stop` ends it and removes the directory. Start it in `beforeAll` (60 s),
 * stop it in `afterAll`.
 */
export async function startTestClickHouse(): Promise<EmbeddedClickHouse> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const server = await startClickHouse({ dir });
    return { ...server, stop: () => server.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
