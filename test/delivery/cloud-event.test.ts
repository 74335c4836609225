import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cloudEvent, formatTime, MAX_EVENT_BYTES, shorterEvents } from '../../engine/delivery/cloud-event.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

describe('a CloudEvent', () => {
  test('has the attributes that version 1.0 requires, and its data', () => {
    const text = cloudEvent({
      id: 'j.1',
      instance: 'weir',
      type: 'weir.x',
      subject: 'press 1',
      time: AT,
      data: { a: 1 },
    });
    expect(JSON.parse(text)).toEqual({
      specversion: '1.0',
      id: 'j.1',
      source: 'weir/weir',
      type: 'weir.x',
      subject: 'press 1',
      time: '2026-01-02T03:04:05.678Z',
      datacontenttype: 'application/json',
      data: { a: 1 },
    });
  });

  test('leaves out an empty subject', () => {
    expect(
      JSON.parse(cloudEvent({ id: 'a', instance: 'b', type: 'c', subject: '', time: 0, data: {} })),
    ).not.toHaveProperty('subject');
  });

  test('has a source that is a URI reference for every instance name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (instance) => {
        const { source } = JSON.parse(cloudEvent({ id: 'a', instance, type: 'c', time: 0, data: {} }));
        expect(source).toMatch(/^weir\/[\w.!~*'()%-]*$/);
      }),
    );
    expect(cloudEvent({ id: 'a', instance: '\ud800', type: 'c', time: 0, data: {} })).toContain('weir/%EF%BF%BD');
  });
});

describe('a time', () => {
  test.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [AT, '2026-01-02T03:04:05.678Z'],
    [AT + 0.009, '2026-01-02T03:04:05.678009Z'],
    [AT + 0.9999, '2026-01-02T03:04:05.679Z'],
    [-0.5, '1969-12-31T23:59:59.999500Z'],
    [-1e15, '0000-01-01T00:00:00.000Z'],
    [1e15, '9999-12-31T23:59:59.999Z'],
  ])('%d is %s', (at, text) => {
    expect(formatTime(at)).toBe(text);
  });

  test('keeps every microsecond of this century', () => {
    fc.assert(
      fc.property(fc.integer({ min: 946_684_800_000_000, max: 4_102_444_800_000_000 }), (micros) => {
        const text = formatTime(micros / 1000);
        const digits = text.slice(20, -1).padEnd(6, '0');
        expect(Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(digits)).toBe(micros);
      }),
    );
  });
});

describe('an event that is too large for a server', () => {
  const EVENT = { id: 'i', instance: 'w', type: 't', subject: 's', time: 0 };
  const bytesOf = (text: string) => Buffer.byteLength(text);

  test('has its longest texts cut, and is marked as truncated', () => {
    const body = cloudEvent({ ...EVENT, data: { message: 'm', facts: { text: 'x'.repeat(500_000), n: 5 } } });
    expect(bytesOf(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    const { data } = JSON.parse(body);
    expect(data).toMatchObject({ message: 'm', truncated: true, facts: { n: 5 } });
    expect(data.facts.text).toMatch(/^x{4000,}…$/);
  });

  test('is not changed if it is small enough', () => {
    const data = { text: 'x'.repeat(MAX_EVENT_BYTES - 200) };
    expect(JSON.parse(cloudEvent({ ...EVENT, data })).data).toEqual(data);
  });

  test('counts bytes in JSON, and does not split pairs of surrogates', () => {
    const data = { control: '\u0001'.repeat(65_000), emoji: '😀'.repeat(30_000) };
    const body = cloudEvent({ ...EVENT, subject: 'é'.repeat(40_000), data });
    expect(bytesOf(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    expect(JSON.parse(body).data.emoji).toMatch(/^(😀)+…$/u);
    expect(JSON.parse(body).data.emoji.isWellFormed?.() ?? true).toBe(true);
  });

  test('keeps its identity and subject, for any data', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 300, unit: 'binary' }), { maxLength: 400 }),
        fc.nat(40),
        (texts, times) => {
          const facts = Object.fromEntries(
            texts.flatMap((text, i) =>
              Array(times)
                .fill(0)
                .map((_, j) => [`f${i}.${j}`, text]),
            ),
          );
          const body = cloudEvent({ ...EVENT, data: { rule: 'hot', key: 'd1', state: 'firing', facts } });
          expect(bytesOf(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
          expect(JSON.parse(body)).toMatchObject({
            id: 'i',
            type: 't',
            data: { rule: 'hot', key: 'd1', state: 'firing' },
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  test('is also cut if its texts together are longer than the longest string', () => {
    const text = '\u0001'.repeat(1024 * 1024);
    const conditions = Array.from({ length: 100 }, () => ({ factValue: text }));
    const body = cloudEvent({ ...EVENT, data: { key: 'd1', facts: { text }, message: text, conditions } });
    expect(bytesOf(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    expect(JSON.parse(body).data).toMatchObject({ key: 'd1', truncated: true });
    expect(JSON.parse(body).data.conditions).toHaveLength(100);
  });
});

describe('shorter forms of an event', () => {
  const EVENT = { id: 'i', instance: 'w', type: 't', subject: 's', time: AT };
  const data = {
    rule: 'hot',
    key: 'd1',
    state: 'firing',
    severity: 'critical',
    since: 'then',
    at: 'now',
    message: 'm'.repeat(5_000),
    facts: { text: 'x'.repeat(5_000), n: 5 },
    conditions: Array.from({ length: 50 }, () => ({ fact: 'text', factValue: 'x'.repeat(500) })),
  };

  test('get smaller, are marked, and the last has the main data of an alert in about 1 KB', () => {
    const body = cloudEvent({ ...EVENT, data });
    const forms = [...shorterEvents(body)];
    const sizes = [body, ...forms].map((form) => Buffer.byteLength(form));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(new Set(sizes).size).toBe(sizes.length);
    for (const form of forms) expect(JSON.parse(form)).toMatchObject({ id: 'i', type: 't', data: { truncated: true } });
    const { message: _, facts, conditions, ...kept } = data;
    const last = JSON.parse(forms.at(-1)!);
    expect(last).toMatchObject({ time: '2026-01-02T03:04:05.678Z', subject: 's', data: kept });
    expect(last.data.message).toMatch(/^m+…$/);
    expect(last.data.leftOut).toEqual(['facts', 'conditions']);
    expect(sizes.at(-1)).toBeLessThan(1_000);
  });

  test('depend only on the event, even if it was cut before', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3_000, unit: 'binary' }), { maxLength: 60 }), (facts) => {
        const body = cloudEvent({ ...EVENT, data: { key: 'd1', facts } });
        const forms = [...shorterEvents(body)];
        expect([...shorterEvents(body)]).toEqual(forms);
        for (const form of forms) expect(JSON.parse(form)).toMatchObject({ id: 'i', data: { key: 'd1' } });
      }),
      { numRuns: 30 },
    );
  });
});
