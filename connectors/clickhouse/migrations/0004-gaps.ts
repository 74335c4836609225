import type { Migration } from './migration.ts';

/** The table `gaps`: time ranges in which messages may be missing, one row for each. */
export const gaps: Migration = {
  id: 4,
  name: 'gaps',
  statements: (database) => [
    `CREATE TABLE IF NOT EXISTS ${database}.gaps
(
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    broker LowCardinality(String),
    reason LowCardinality(String),
    gap_from DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    gap_to DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (broker, time, offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
