import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { EventSink, Source, SourceHandler } from '../../engine/ports.ts';
import { damageSection } from '../journal/checkpoint/damage.ts';
import { read as readCheckpoint } from '../journal/checkpoint/sections.ts';
import { append, message, open, readAll } from '../journal/folder.ts';
import { launch, makeFolder, reading, start } from './run-service.ts';

const RECORDS = 30;
const DEVICES = Array.from({ length: RECORDS }, (_, i) => `d${i}`);

/** Writes the journal of a killed run: one reading of each device, one per segment, so that they are read one by one. */
async function writeJournal(folder: string): Promise<void> {
  const journal = await open(folder, { segmentBytes: 1 });
  for (const device of DEVICES) {
    const { payload, topic } = reading(device, 60);
    await append(journal, [{ ...message(payload, topic), at: Date.now() }]);
  }
  await journal.close();
}

/** An event sink that accepts nothing until the test calls `letThrough`. */
function createGate() {
  const published: string[] = [];
  let letThrough: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  const eventSink: EventSink = {
    open: async () => undefined,
    publish: ({ subject }) => {
      published.push(subject);
      return opened;
    },
    status: () => ({ name: 'nats', ready: true }),
    close: async () => undefined,
  };
  return { eventSink, published, letThrough: () => letThrough?.() };
}

const alerts = (subjects: readonly string[]) => subjects.filter((subject) => subject.startsWith('weir.alerts.'));
const ALL_ALERTS = DEVICES.map((device) => `weir.alerts.warning.hot.${device}`);

/** Reads the journal several times. A fold that does not wait is complete by then. */
async function readAgain(folder: string): Promise<void> {
  const journal = await open(folder);
  for (let i = 0; i < 5; i++) expect((await readAll(journal)).length).toBeGreaterThanOrEqual(RECORDS);
  await journal.close();
}

describe('recovery', () => {
  it('folds no faster than the sinks accept outputs, and starts the source after the last record', async () => {
    const data = await makeFolder();
    await writeJournal(data);
    const { eventSink, published, letThrough } = createGate();
    const { service, handler } = await launch({ eventSink, nats: { outboxBytes: 1 } }, data);
    await vi.waitFor(() => expect(published.length).toBeGreaterThan(0));
    await readAgain(data);
    expect(handler()).toBeUndefined();
    expect(service.gauges().devices).toBe(1);
    expect(service.status()).toContainEqual(expect.objectContaining({ name: 'journal', ready: false }));
    letThrough();
    await vi.waitFor(() => expect(handler()).toBeDefined());
    expect(service.gauges().devices).toBe(RECORDS);
    expect(service.status()).toContainEqual({ name: 'journal', ready: true });
    await vi.waitFor(() => expect(alerts(published)).toEqual(ALL_ALERTS));
  });

  it('can be stopped while it waits; the next run delivers everything', async () => {
    const data = await makeFolder();
    await writeJournal(data);
    const { eventSink, published } = createGate();
    const { stop, handler } = await launch({ eventSink, nats: { outboxBytes: 1 } }, data);
    await vi.waitFor(() => expect(published.length).toBeGreaterThan(0));
    expect(await stop(0)).toEqual({ drained: false });
    expect(handler()).toBeUndefined();
    const next = await start({}, data);
    await vi.waitFor(() => expect(alerts(next.delivered)).toEqual(ALL_ALERTS));
  });

  it('does not wait for a full journal, which becomes smaller only by delivery', async () => {
    const data = await makeFolder();
    await writeJournal(data);
    const { service, delivered } = await start({ journal: { maxBytes: 1_000 } }, data);
    await vi.waitFor(() => expect(alerts(delivered)).toEqual(ALL_ALERTS));
    await vi.waitFor(() => expect(service.gauges().intake_paused).toBe(1));
    expect(service.status()).toContainEqual(
      expect.objectContaining({ name: 'intake', ready: false, reason: expect.stringContaining('the journal is full') }),
    );
  });
});

it('intake is stopped while the disk is nearly full', async () => {
  const { service } = await start({ journal: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
  await vi.waitFor(() => expect(service.gauges().intake_paused).toBe(1), { timeout: 10_000 });
  expect(service.status()).toContainEqual(
    expect.objectContaining({ name: 'intake', reason: expect.stringContaining('the disk is nearly full') }),
  );
});

describe('a checkpoint', () => {
  it('holds nothing of the records after its cut in the same group', async () => {
    const data = await makeFolder();
    let handler: SourceHandler | undefined;
    const source: Source = {
      start: (given) => {
        handler = given;
      },
      // The cut of the stop is appended within a few microtasks, and no group is written before the next timer.
      stop: async () =>
        void afterMicrotasks(100).then(() => handler!.messages(0, [reading('d2', 60)], () => undefined)),
      status: () => ({ name: 'mqtt', ready: true }),
    };
    const first = await launch({ createSource: () => source }, data);
    await vi.waitFor(() => expect(handler).toBeDefined());
    handler!.messages(0, [reading('d1', 60)], () => undefined);
    await vi.waitFor(() => expect(alerts(first.delivered)).toHaveLength(1));
    await first.stop();
    const checkpoint = Array.from((await readCheckpoint(data)).checkpoint!.pieces(), String).join();
    expect(checkpoint).toContain('d1');
    expect(checkpoint).not.toContain('d2');
    const second = await start({}, data);
    await vi.waitFor(() => expect(alerts(second.delivered)).toEqual(['weir.alerts.warning.hot.d2']));
  });

  it('releases the records before the previous checkpoint, and no others', async () => {
    const data = await makeFolder();
    const journal = { maxBytes: 80_000 };
    const offsets: number[] = [];
    for (const device of ['d1', 'd2', 'd3']) {
      const { handler, stop, counters } = await start({ journal }, data);
      for (let i = 0; i < 6; i++) {
        const payload = Buffer.from(JSON.stringify({ ts: Date.now(), temp: 60, mode: 'x'.repeat(4_000) }));
        await new Promise<void>((durable) => handler.messages(0, [{ ...reading(device, 60), payload }], durable));
      }
      await stop();
      expect([counters.checkpoints_failed, counters.journal_records_lost]).toEqual([0, 0]);
      offsets.push((await readCheckpoint(data)).checkpoint!.nextOffset);
      const [before = 0] = offsets.slice(-2, -1);
      const starts = firstOffsets(data);
      // The segment with this record and all later ones exist; earlier ones do not.
      expect(starts[0]).toBeLessThanOrEqual(before);
      expect(starts[1]).toBeGreaterThan(before);
    }
    // So the previous checkpoint can replace the newest.
    damageSection(data);
    const { counters, service } = await start({ journal }, data);
    expect([counters.checkpoints_unreadable, counters.journal_records_lost]).toEqual([1, 0]);
    expect(service.gauges().devices).toBe(3);
  });
});

function firstOffsets(folder: string): number[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.wal'));
  return names.map((name) => Number(/\d+/.exec(name)![0])).sort((a, b) => a - b);
}

async function afterMicrotasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}
