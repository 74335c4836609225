import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { AttributeHandler, AttributeSource } from '../../engine/ports.ts';
import { createAttributeFeed } from '../../engine/runtime/attribute-feed.ts';
import { createCounters } from '../../engine/telemetry.ts';

interface TestSource extends AttributeSource {
  handler(): AttributeHandler;
}

/** A source whose handler the test calls. */
function testSource(): TestSource {
  let given: AttributeHandler | undefined;
  return {
    start: (handler) => {
      given = handler;
    },
    stop: async () => undefined,
    status: () => ({ name: 'test', ready: true }),
    handler: () => given!,
  };
}

function feedOf(
  sources: { readonly file?: TestSource; readonly bucket?: TestSource },
  known: Record<string, string> = {},
) {
  const journal: string[] = [];
  const counters = createCounters();
  const feed = createAttributeFeed({
    sources,
    known: new Map(Object.entries(known)),
    append: (changes) => journal.push(...changes.map(({ device, text }) => `${device}: ${text ?? 'gone'}`)),
    log: pino({ level: 'silent' }),
    counters,
  });
  feed.start();
  /** The changes since the last call. */
  return { feed, counters, written: () => journal.splice(0) };
}

const all = (entries: Record<string, string | undefined>) => new Map(Object.entries(entries));

describe('a feed of attributes', () => {
  it('appends new, changed and removed attributes, and nothing else', () => {
    const file = testSource();
    const { written, counters } = feedOf({ file }, { a: '1', b: '2', c: '3' });
    expect(written()).toEqual([]);
    file.handler().all(all({ a: '1', b: '4', d: '5' }));
    expect(written().sort()).toEqual(['b: 4', 'c: gone', 'd: 5']);
    file.handler().all(all({ a: '1', b: '4', d: '5' }));
    expect(written()).toEqual([]);
    expect(counters.attributes_changed).toBe(3);
  });

  it('prefers the bucket to the file, for a device as a whole', () => {
    const [file, bucket] = [testSource(), testSource()];
    const { written } = feedOf({ file, bucket });
    file.handler().all(all({ a: 'file', b: 'file' }));
    bucket.handler().all(all({ a: 'bucket', c: 'bucket' }));
    expect(written().sort()).toEqual(['a: bucket', 'a: file', 'b: file', 'c: bucket']);
    file.handler().all(all({ a: 'newer', b: 'newer', c: 'newer' }));
    expect(written()).toEqual(['b: newer']);
    bucket.handler().removed('a');
    bucket.handler().put('b', 'bucket');
    expect(written()).toEqual(['a: newer', 'b: bucket']);
    bucket.handler().removed('unheard-of');
    expect(written()).toEqual([]);
  });

  it('keeps known attributes until the bucket has listed its entries', () => {
    const [file, bucket] = [testSource(), testSource()];
    const { written } = feedOf({ file, bucket }, { a: 'before', b: 'before' });
    file.handler().all(all({ a: 'file', c: 'file' }));
    expect(written()).toEqual(['c: file']);
    bucket.handler().all(all({ b: 'bucket' }));
    expect(written().sort()).toEqual(['a: file', 'b: bucket']);
  });

  it('keeps known attributes if an entry cannot be used, and counts faults', () => {
    const bucket = testSource();
    const { written, counters } = feedOf({ bucket }, { a: 'before' });
    bucket.handler().all(all({ a: undefined, b: undefined }));
    bucket.handler().faulty(['x']);
    expect(written()).toEqual([]);
    expect(counters.attributes_rejected).toBe(1);
    bucket.handler().put('a', 'after');
    expect(written()).toEqual(['a: after']);
  });

  it('keeps known attributes while the file cannot be used', () => {
    const file = testSource();
    const { written } = feedOf({ file }, { a: 'before' });
    file.handler().faulty(['x']);
    expect(written()).toEqual([]);
  });

  it('removes all attributes if the config names no source any more', () => {
    expect(feedOf({}, { a: '1', b: '2' }).written()).toEqual(['a: gone', 'b: gone']);
  });

  it('appends nothing after it was stopped', async () => {
    const file = testSource();
    const { feed, written } = feedOf({ file });
    const stopped = feed.stop();
    file.handler().all(all({ a: '1' }));
    await stopped;
    expect(written()).toEqual([]);
  });

  it('appends many changes in parts', () => {
    const file = testSource();
    const { written } = feedOf({ file });
    file.handler().all(new Map(Array.from({ length: 2_500 }, (_, i) => [`d${i}`, String(i)])));
    expect(written()).toHaveLength(2_500);
  });
});
