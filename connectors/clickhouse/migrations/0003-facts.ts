import type { Migration } from './migration.ts';

/** The table `facts`: the results of views, one row for each. It replaces the reserved table of that name, which was never written. */
export const facts: Migration = {
  id: 3,
  name: 'facts',
  statements: (database) => [
    // If the table is not empty, another process has already applied this, or it is used otherwise. Then this fails, and nothing is lost.
    `DROP TABLE IF EXISTS IF EMPTY ${database}.facts SYNC`,
    `CREATE TABLE IF NOT EXISTS ${database}.facts
(
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    start DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    rule LowCardinality(String),
    version LowCardinality(String),
    key String CODEC(ZSTD(3)),
    labels Map(String, String),
    facts Map(String, Float64),
    texts Map(String, String),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    id String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (rule, key, time, id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
