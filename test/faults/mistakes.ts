import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { DeliveryError } from '../../engine/ports.ts';
import { type Fault, wrapConnectors, wrapFiles, wrapInsert, wrapMessages, wrapPublish } from './wrap-edges.ts';

const RETRY_MS = 100;

/** Tries for ever, as long as the process lives. */
async function insist(act: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await act();
    } catch {
      await delay(RETRY_MS);
    }
  }
}

const classOf = (error: unknown) => (error as DeliveryError).class;

/** Mistakes that somebody might make, as they show at an edge of the engine. Each must be caught by a scenario. */
export const MISTAKES = {
  'acknowledged before the sync': () =>
    wrapMessages((go, connection, messages, acknowledge) => {
      go(connection, messages, () => undefined);
      acknowledge();
    }),
  'token left out': () => wrapInsert((go, batch) => go(batch, String(Math.random()))),
  'outbox skipped': () =>
    wrapPublish(async (go, event) => {
      go(event).catch(() => undefined);
    }),
  // What is not in yet counts as confirmed, so a checkpoint does not wait for it.
  'checkpoint before the confirmation': () =>
    wrapInsert(async (go, batch, token) => {
      void insist(() => go(batch, token));
    }),
  'redelivery taken for new': () =>
    wrapMessages((go, connection, messages, acknowledge) =>
      go(
        connection,
        messages.map((message) => ({ ...message, dup: false })),
        acknowledge,
      ),
    ),
  // Nobody knows what was subscribed to before.
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
  'batch given up': () =>
    wrapInsert(async (go, batch, token) => {
      try {
        await go(batch, token);
      } catch (error) {
        // Of these the engine makes smaller ones.
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
