import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { DeliveryError } from '../../engine/ports.ts';
import { type Fault, wrapConnectors, wrapFiles, wrapInsert, wrapMessages, wrapPublish } from './wrap-edges.ts';

const RETRY_MS = 100;

/** Retries without limit while the process runs. */
async function retryForever(act: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await act();
    } catch {
      await delay(RETRY_MS);
    }
  }
}

const classOf = (error: unknown) => (error as DeliveryError).class;

/** Possible programming mistakes, made at an edge of the engine. A scenario must catch each of them. */
export const MISTAKES = {
  'acknowledged before the sync': () =>
    wrapMessages((go, connection, messages, acknowledge) => {
      go(connection, messages, () => undefined);
      acknowledge();
    }),
  'token omitted': () => wrapInsert((go, batch) => go(batch, String(Math.random()))),
  'outbox skipped': () =>
    wrapPublish(async (go, event) => {
      go(event).catch(() => undefined);
    }),
  // An insert counts as confirmed before it is done, so a checkpoint does not wait for it.
  'checkpoint before the confirmation': () =>
    wrapInsert(async (go, batch, token) => {
      void retryForever(() => go(batch, token));
    }),
  'redelivery counted as new': () =>
    wrapMessages((go, connection, messages, acknowledge) =>
      go(
        connection,
        messages.map((message) => ({ ...message, dup: false })),
        acknowledge,
      ),
    ),
  // The list of earlier subscriptions is lost.
  'removed topics left subscribed': () =>
    wrapConnectors((_, { config }) => {
      rmSync(join(config.data, 'sessions.json'), { force: true });
      return {};
    }),
  'refused row dropped': () =>
    wrapInsert(async (go, batch, token) => {
      try {
        await go(batch, token);
      } catch (error) {
        if (classOf(error) !== 'bad-row' || batch.rows > 1) throw error;
      }
    }),
  'closed alert left open': () =>
    wrapPublish((go, { kv, ...event }) => go(kv === undefined || kv.value === null ? event : { ...event, kv })),
  'earlier inserts forgotten': () => wrapFiles(/\/sent\.jsonl\.new$/, () => ({ appendFile: async () => undefined })),
  'checkpoints in one copy only': () =>
    wrapFiles(/\/checkpoint-\d+-b\.bin$/, () => ({
      write: async (bytes, offset = 0, length = bytes.length - offset) => ({ bytesWritten: length }),
    })),
  'view of the rollup altered': () =>
    wrapConnectors(({ tableSink: sink }, { config }) => ({
      tableSink: {
        ...sink,
        open: async (tables) => {
          const { url, database } = config.clickhouse;
          const client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } });
          const isNew = (await viewsOf(client, database)).length === 0;
          await sink.open(tables);
          for (const { name, query } of isNew ? await viewsOf(client, database) : []) {
            await client.command({ query: `ALTER TABLE ${database}.${name} MODIFY QUERY ${query}` });
          }
          await client.close();
        },
      },
    })),
  'batch dropped': () =>
    wrapInsert(async (go, batch, token) => {
      try {
        await go(batch, token);
      } catch (error) {
        // The engine splits these batches into smaller ones.
        if (classOf(error) === 'bad-row' || classOf(error) === 'overload') throw error;
      }
    }),
} satisfies Readonly<Record<string, () => Fault>>;

async function viewsOf(client: ClickHouseClient, database: string) {
  const result = await client.query({
    query:
      'SELECT name, as_select AS query FROM system.tables WHERE database = {database:String} AND engine = {engine:String}',
    query_params: { database, engine: 'MaterializedView' },
    format: 'JSONEachRow',
  });
  return result.json<{ readonly name: string; readonly query: string }>();
}
