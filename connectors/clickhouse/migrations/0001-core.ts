import type { Migration } from './migration.ts';

/** The tables that do not belong to a stream. Their comments and later columns come from `engine/delivery/tables.ts`. */
export const core: Migration = {
  id: 1,
  name: 'core',
  statements: (database) => [
    `CREATE TABLE IF NOT EXISTS ${database}.alerts
(
    id String CODEC(ZSTD(3)),
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    rule LowCardinality(String),
    version LowCardinality(String),
    severity LowCardinality(String),
    from_state LowCardinality(String),
    state LowCardinality(String),
    stream LowCardinality(String),
    key String CODEC(ZSTD(3)),
    device String CODEC(ZSTD(3)),
    since DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    message String CODEC(ZSTD(3)),
    facts Map(String, String),
    conditions String CODEC(ZSTD(3)),
    evidence_from DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    evidence_to DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (rule, key, time, id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,

    `CREATE TABLE IF NOT EXISTS ${database}.devices
(
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    stream LowCardinality(String),
    device String CODEC(ZSTD(3)),
    online Bool,
    reason LowCardinality(String),
    last_seen DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (stream, device, time, offset, online)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,

    `CREATE TABLE IF NOT EXISTS ${database}.dead_letters
(
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    stream LowCardinality(String),
    topic String CODEC(ZSTD(3)),
    reason LowCardinality(String),
    detail String CODEC(ZSTD(3)),
    payload String CODEC(ZSTD(3)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    id UInt64 CODEC(NONE)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (stream, time, offset, id)
TTL toDateTime(time) + toIntervalDay(90)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,

    `CREATE TABLE IF NOT EXISTS ${database}.facts
(
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    until DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    rule LowCardinality(String),
    version LowCardinality(String),
    stream LowCardinality(String),
    key String CODEC(ZSTD(3)),
    fact LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(3)),
    text Nullable(String) CODEC(ZSTD(3)),
    offset UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (rule, fact, key, time)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
