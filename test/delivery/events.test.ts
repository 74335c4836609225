import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alertData, alertText, type EventRule } from '../../engine/delivery/alert-data.ts';
import { alertEvent, overflowEvent } from '../../engine/delivery/alert-event.ts';
import { cloudEvent, cloudEventOf, MAX_EVENT_BYTES } from '../../engine/delivery/cloud-event.ts';
import { factsId, overflowId, transitionId } from '../../engine/delivery/event-id.ts';
import { deadLetterEvent, deviceEvent, factsEvent } from '../../engine/delivery/events.ts';
import { evidenceOf, evidenceSql, rowBounds } from '../../engine/delivery/evidence.ts';
import type { AlertState, Notice, Transition } from '../../engine/model/item/alert.ts';
import type { Rejected } from '../../engine/model/item/decoded.ts';
import type { DeviceChange } from '../../engine/model/item/devices.ts';
import type { Viewed } from '../../engine/model/item/window-result.ts';
import { compileMessage } from '../../engine/model/message.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const CONTEXT = { journalId: 'j-1', instance: 'plant', database: 'weir' };
const STREAM = { name: 'sensors', config: { labels: [{ name: 'site' }, { name: '__proto__' }] } };

const RULE: EventRule = {
  name: 'overheating',
  version: 'abc123',
  type: 'overheating',
  severity: 'critical',
  params: { severity: 'critical', message: '…', runbook: 'https://example.com/hot' },
  units: { meanTemp: '°C' },
  message: compileMessage('{{device}} at {{site}} averages {{meanTemp}} °C, {{gone}} ({{key}})').render,
  keying: { per: ['site', 'device'] },
};

function transition(to: AlertState, changes: Partial<Transition> = {}): Transition {
  return {
    kind: 'transition',
    id: 'the-id',
    offset: 42,
    recordedAt: AT + 31_000,
    rule: 0,
    key: { text: 'north/press.1', parts: ['north', 'press.1'] },
    from: to === 'resolved' ? 'firing' : 'pending',
    to,
    severity: 'critical',
    at: AT + 30_000,
    since: AT,
    facts: { meanTemp: 46.5, gone: null },
    conditions: [{ fact: 'meanTemp', operator: 'greaterThan', value: 45, factValue: 46.5, result: true }],
    evidence: { from: AT, to: AT + 30_000.25 },
    ...changes,
  };
}

describe('the event of an alert', () => {
  test('that fires', () => {
    const event = alertEvent(transition('firing'), RULE, STREAM, CONTEXT);
    expect(event).toMatchObject({
      kind: 'event',
      id: 'the-id',
      offset: 42,
      subject: 'weir.alerts.critical.overheating.north~2Fpress~2E1',
      stream: 'WEIR_ALERTS',
      kv: { bucket: 'weir_alerts_open', key: 'overheating.north=2Fpress=2E1', value: event?.body },
    });
    expect(JSON.parse(event?.body ?? '')).toEqual({
      specversion: '1.0',
      id: event?.id,
      source: 'weir/plant',
      type: 'weir.alert.firing',
      subject: 'north/press.1',
      time: '2026-01-02T03:04:35.000Z',
      datacontenttype: 'application/json',
      data: {
        rule: 'overheating',
        version: 'abc123',
        type: 'overheating',
        severity: 'critical',
        state: 'firing',
        from: 'pending',
        key: 'north/press.1',
        keyParts: { site: 'north', device: 'press.1' },
        since: '2026-01-02T03:04:05.000Z',
        at: '2026-01-02T03:04:35.000Z',
        message: 'press.1 at north averages 46.5 °C, ? (north/press.1)',
        facts: { meanTemp: 46.5, gone: null },
        units: { meanTemp: '°C' },
        conditions: [{ fact: 'meanTemp', operator: 'greaterThan', value: 45, factValue: 46.5, result: true }],
        params: { runbook: 'https://example.com/hot' },
        evidence: {
          sql:
            "SELECT * FROM weir.sensors WHERE `site` = 'north' AND device = 'press.1'" +
            " AND time >= toDateTime64('2026-01-02 03:04:05.000', 6, 'UTC')" +
            " AND time <= toDateTime64('2026-01-02 03:04:35.000250', 6, 'UTC') ORDER BY time",
          from: '2026-01-02T03:04:05.000Z',
          to: '2026-01-02T03:04:35.000250Z',
        },
      },
    });
  });

  test('that resolved has its duration and deletes its entry', () => {
    const event = alertEvent(transition('resolved', { at: AT + 90_000.5 }), RULE, STREAM, CONTEXT);
    expect(event?.kv).toEqual({ bucket: 'weir_alerts_open', key: 'overheating.north=2Fpress=2E1', value: null });
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      type: 'weir.alert.resolved',
      data: { state: 'resolved', from: 'firing', durationMs: 90_000.5 },
    });
  });

  test.each(['pending', 'inactive'] as const)('does not exist for %s', (to) => {
    expect(alertEvent(transition(to), RULE, STREAM, CONTEXT)).toBeUndefined();
  });

  test('is the same for the same transition', () => {
    const make = () => alertEvent(transition('firing'), RULE, STREAM, CONTEXT);
    expect(make()).toEqual(make());
  });

  test('has one line of SQL and the unchanged key, for any key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (site, device) => {
        const key = { text: `${site}/${device}`, parts: [site, device] };
        const event = alertEvent(transition('firing', { key }), RULE, STREAM, CONTEXT);
        const { evidence, keyParts } = JSON.parse(event?.body ?? '').data;
        expect(keyParts).toEqual({ site, device });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
        expect(evidence.sql).not.toMatch(/[\u0000-\u001f]/);
      }),
    );
  });

  test('is published to the subject of its new severity, and has both severities', () => {
    const changed = transition('firing', { from: 'firing', severity: 'info', previousSeverity: 'critical' });
    const event = alertEvent(changed, RULE, STREAM, CONTEXT);
    expect(event?.subject).toBe('weir.alerts.info.overheating.north~2Fpress~2E1');
    expect(JSON.parse(event?.body ?? '').data).toMatchObject({ severity: 'info', previousSeverity: 'critical' });
    expect(event?.kv?.value).toBe(event?.body);
  });

  test('has the reason that ended it, if no outcome did', () => {
    const event = alertEvent(transition('resolved', { reason: 'gap' }), RULE, STREAM, CONTEXT);
    expect(JSON.parse(event?.body ?? '')).toMatchObject({ type: 'weir.alert.resolved', data: { reason: 'gap' } });
  });

  test.each<[string, Notice['notice'], 'firing' | 'resolved', string, object, boolean]>([
    ['that still fires', 'repeat', 'firing', 'weir.alert.repeat', {}, true],
    ['that is stable and fires', 'stable', 'firing', 'weir.alert.firing', { reason: 'stable' }, true],
    ['that is stable and resolved', 'stable', 'resolved', 'weir.alert.resolved', { reason: 'stable' }, false],
  ])('%s', (_, notice, state, type, data, open) => {
    const change: Notice = { ...transition(state), kind: 'notice', notice };
    const event = alertEvent(change, RULE, STREAM, CONTEXT);
    const body = JSON.parse(event?.body ?? '');
    expect(body).toMatchObject({ type, data: { state, ...data } });
    expect(body.data.reason).toBe('reason' in data ? data.reason : undefined);
    expect(event?.kv?.value).toBe(open ? event?.body : null);
  });

  test.each(['firing', 'resolved'] as const)('that starts to flap stays open: %s', (state) => {
    const event = alertEvent(transition(state, { flapping: true }), RULE, STREAM, CONTEXT);
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      type: 'weir.alert.flapping',
      data: { state, flapping: true },
    });
    expect(event?.kv?.value).toBe(event?.body);
    expect(event).not.toHaveProperty('quiet');
  });

  test('that flaps does not exist', () => {
    expect(alertEvent(transition('firing', { suppressed: 'flapping' }), RULE, STREAM, CONTEXT)).toBeUndefined();
  });

  test.each(['firing', 'resolved'] as const)('that a limit suppresses only changes the KV entry: %s', (state) => {
    const event = alertEvent(transition(state, { suppressed: 'limit' }), RULE, STREAM, CONTEXT);
    expect(event?.quiet).toBe(true);
    expect(event?.kv?.value).toBe(state === 'firing' ? event?.body : null);
  });

  test('of a rule over the whole stream has a query for all rows of the time', () => {
    const rule = { ...RULE, keying: { per: [] } };
    const event = alertEvent(transition('firing', { key: { text: '', parts: [] } }), rule, STREAM, CONTEXT);
    expect(event?.subject).toBe('weir.alerts.critical.overheating.~');
    expect(event?.kv?.key).toBe('overheating.=');
    const body = JSON.parse(event?.body ?? '');
    expect(body).not.toHaveProperty('subject');
    expect(body.data.evidence.sql).toContain('FROM weir.sensors WHERE time >= ');
  });
});

test('the event of a limit summarizes the suppressed alerts, on a subject that no key has', () => {
  const id = overflowId('j-1', 42, 'overheating', AT);
  const rest = {
    severity: 'critical',
    told: 2,
    heldBack: 3,
    keys: ['a', 'b', 'c'],
    since: AT - 60_000,
    at: AT,
  } as const;
  const event = overflowEvent({ kind: 'overflow', id, offset: 42, rule: 0, ...rest }, RULE, CONTEXT);
  expect(event).toMatchObject({
    id: `j-1.42.overheating.~limit.limited.${AT * 1000}`,
    subject: 'weir.alerts.critical.overheating.~limit',
    stream: 'WEIR_ALERTS',
  });
  expect(event).not.toHaveProperty('kv');
  expect(JSON.parse(event.body)).toMatchObject({
    type: 'weir.alert.limited',
    subject: 'overheating',
    data: {
      rule: 'overheating',
      version: 'abc123',
      type: 'overheating',
      severity: 'critical',
      state: 'limited',
      since: '2026-01-02T03:03:05.000Z',
      at: '2026-01-02T03:04:05.000Z',
      told: 2,
      heldBack: 3,
      keys: ['a', 'b', 'c'],
      message: 'overheating: 2 alerts published, 3 more suppressed by the limit',
    },
  });
});

describe('the text of an alert', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'press-1', '"\\', '\ud800', '\u2028'));
  const value = fc.oneof(text, fc.double(), fc.boolean(), fc.constant(null), fc.constantFrom(-0, 1e21, 1e-7));
  const name = fc.oneof(text, fc.constantFrom('__proto__', '7', 'a', 'constructor'));
  const instant = fc.integer({ min: -1e13, max: 1e16 }).map((micros) => micros / 1000);
  const change = fc.record({
    facts: fc.dictionary(name, value, { maxKeys: 4 }),
    conditions: fc.array(
      fc.record({ fact: name, operator: text, value, factValue: value, result: fc.constantFrom(true, false, null) }),
      { maxLength: 2 },
    ),
    at: instant,
    since: instant,
    evidence: fc.record({ from: instant, to: instant }),
    previousSeverity: fc.constantFrom(undefined, 'info' as const),
    reason: fc.constantFrom(undefined, 'gap' as const),
    suppressed: fc.constantFrom(undefined, 'limit' as const, 'flapping' as const),
    flapping: fc.constantFrom(undefined, true, false),
  });
  const rule = fc.record({
    name: text,
    type: text,
    per: fc.array(name, { maxLength: 3 }),
    params: fc.dictionary(name, value, { maxKeys: 2 }),
  });

  test('has the same bytes as its data', () => {
    fc.assert(
      fc.property(
        change,
        rule,
        fc.array(text, { maxLength: 3 }),
        fc.constantFrom('firing' as const, 'resolved' as const),
        ({ previousSeverity, reason, suppressed, flapping, ...rest }, { per, params, ...names }, parts, to) => {
          const changed = transition(to, {
            ...rest,
            ...(previousSeverity && { previousSeverity }),
            ...(reason && { reason }),
            ...(suppressed && { suppressed }),
            ...(flapping !== undefined && { flapping }),
            key: { text: parts.join('/'), parts },
          });
          const full = { ...RULE, ...names, params: { ...RULE.params, ...params }, keying: { per } } as EventRule;
          const other = { stream: { name: 'doors' }, apartMs: 1_000 };
          for (const stream of [STREAM, { ...STREAM, other }]) {
            const data = alertData(changed, to, full, stream, CONTEXT);
            expect(alertText(changed, to, full, stream, CONTEXT)).toBe(JSON.stringify(data));
          }
        },
      ),
    );
  });

  test('and so has the whole event, which is cut if it is too large', () => {
    const attributes = fc.record({ id: text, instance: text, type: text, subject: text, time: instant });
    fc.assert(
      fc.property(attributes, fc.dictionary(name, value), (event, data) => {
        expect(cloudEventOf(event, JSON.stringify(data))).toBe(cloudEvent({ ...event, data }));
      }),
    );
    const large = transition('firing', { facts: { text: 'x'.repeat(MAX_EVENT_BYTES) } });
    const body = alertEvent(large, RULE, STREAM, CONTEXT)!.body;
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    expect(JSON.parse(body)).toMatchObject({ data: { truncated: true, rule: 'overheating' } });
  });
});

describe('the id of a transition', () => {
  test('names journal, offset, rule, key, state and instant', () => {
    expect(transitionId('j-1', 42, 'overheating', 'north/press.1', 'firing', AT)).toBe(
      `j-1.42.overheating.north~2Fpress~2E1.firing.${AT * 1000}`,
    );
  });

  test('is different for every transition', () => {
    const ids = [
      transitionId('j', 1, 'r', 'k', 'firing', AT),
      transitionId('i', 1, 'r', 'k', 'firing', AT),
      transitionId('j', 2, 'r', 'k', 'firing', AT),
      transitionId('j', 1, 's', 'k', 'firing', AT),
      transitionId('j', 1, 'r', 'l', 'firing', AT),
      transitionId('j', 1, 'r', 'k', 'resolved', AT),
      transitionId('j', 1, 'r', 'k', 'repeat', AT),
      transitionId('j', 1, 'r', 'k', 'stable', AT),
      overflowId('j', 1, 'r', AT),
      transitionId('j', 1, 'r', '~limit', 'firing', AT),
      transitionId('j', 1, 'r', 'k', 'firing', AT + 0.001),
      transitionId('j', 1, 'r.k', '', 'firing', AT),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is valid in a header, for any rule and key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (rule, key) => {
        expect(transitionId('j', 1, rule, key, 'firing', AT)).toMatch(/^[\x21-\x7e]{1,700}$/);
      }),
    );
  });
});

describe('evidence', () => {
  const query = { database: 'weir', table: 'sensors', where: [], from: AT, to: AT };

  test.each([
    ["o'brien", "'o\\'brien'"],
    ['a\\', "'a\\\\'"],
    ["' OR 1=1 --", "'\\' OR 1=1 --'"],
    ['tab\tnul\u0000', "'tab\\x09nul\\x00'"],
    ['é°', "'é°'"],
  ])('escapes %j', (value, literal) => {
    expect(evidenceSql({ ...query, where: [['device', value]] })).toContain(`device = ${literal} AND`);
  });

  test('quotes names', () => {
    const sql = evidenceSql({ ...query, database: 'My DB', table: 'a`b', where: [['select', 'x']] });
    expect(sql).toContain("FROM `My DB`.`a\\`b` WHERE `select` = 'x'");
  });

  test('of a view selects rows of facts, whose time is later than that of their readings', () => {
    const stream = { name: 'climate', viewRows: { per: ['site', 'device'], behindMs: [1, 1] as const } };
    const key = { text: 'north|d1', parts: ['north', 'd1'] };
    const evidence = { from: AT - 1, to: AT + 9_999.999 };
    const from = "time >= toDateTime64('2026-01-02 03:04:05.000', 6, 'UTC')";
    const to = "time <= toDateTime64('2026-01-02 03:04:15.000999', 6, 'UTC')";
    const queryOf = (per: readonly string[], parts: readonly string[]) =>
      evidenceOf({ key: { ...key, parts }, evidence }, per, stream, 'weir');
    expect(queryOf(['site', 'device'], ['north', 'd1'])).toEqual({
      ...rowBounds(evidence, stream),
      sql: `SELECT * FROM weir.facts WHERE rule = 'climate' AND key = 'north|d1' AND ${from} AND ${to} ORDER BY time`,
    });
    expect(queryOf(['site'], ["o'brien"]).sql).toContain(
      `rule = 'climate' AND labels['site'] = 'o\\'brien' AND ${from}`,
    );
    expect(queryOf([], []).sql).toContain(`WHERE rule = 'climate' AND ${from}`);
    expect(rowBounds(evidence, { name: 'sensors' })).toEqual(evidence);
  });

  test('closes every literal at its intended end', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("'", '\\', '`', 'a', '-', ';', '\n') }), (value) => {
        const sql = evidenceSql({ ...query, where: [['device', value]] });
        const literals = [...sql.matchAll(/'((?:[^'\\]|\\.)*)'/g)].map((match) => match[1]);
        const unescaped = literals[0]?.replace(/\\(x[0-9a-f]{2}|.)/g, (_, c: string) =>
          c.length > 1 ? String.fromCharCode(Number.parseInt(c.slice(1), 16)) : c,
        );
        expect(unescaped).toBe(value);
        expect(literals).toHaveLength(5);
      }),
    );
  });
});

describe('the event of a view', () => {
  const viewed: Viewed = {
    kind: 'viewed',
    id: 'the-id',
    offset: 42,
    receivedAt: AT + 11_000,
    connection: 0,
    liveMs: 0,
    rule: 0,
    key: { text: 'north|press.1', parts: ['north', 'press.1'] },
    start: AT,
    end: AT + 10_000,
    inclusive: false,
    values: [46.5, undefined, false, 'on'],
  };

  test('has every fact; a fact without a value is null', () => {
    const event = factsEvent(viewed, RULE, ['meanTemp', 'gone', 'open', 'mode'], CONTEXT);
    expect(event).toMatchObject({
      kind: 'event',
      id: 'the-id',
      offset: 42,
      subject: 'weir.facts.overheating.north~7Cpress~2E1',
      stream: 'WEIR_FACTS',
    });
    expect(event.kv).toBeUndefined();
    expect(JSON.parse(event.body)).toEqual({
      specversion: '1.0',
      id: 'the-id',
      source: 'weir/plant',
      type: 'weir.facts',
      subject: 'north|press.1',
      time: '2026-01-02T03:04:15.000Z',
      datacontenttype: 'application/json',
      data: {
        rule: 'overheating',
        version: 'abc123',
        key: 'north|press.1',
        labels: { site: 'north', device: 'press.1' },
        start: '2026-01-02T03:04:05.000Z',
        end: '2026-01-02T03:04:15.000Z',
        facts: { meanTemp: 46.5, gone: null, open: false, mode: 'on' },
        units: { meanTemp: '°C' },
      },
    });
  });

  test('has an id of journal, offset, rule, key and end', () => {
    expect(factsId('j-1', 42, 'a.b', '', 5.5)).toBe('j-1.42.a~2Eb.~.facts.5500');
  });
});

describe('the event of a device', () => {
  const change: DeviceChange = {
    kind: 'device',
    offset: 7,
    stream: 0,
    device: 'press.1',
    labels: ['north', 'x'],
    online: false,
    at: AT,
    lastSeenAt: AT - 60_000,
    reason: 'silence',
  };

  test('that went offline', () => {
    const event = deviceEvent(change, STREAM, CONTEXT);
    expect(event).toMatchObject({
      id: `j-1.7.device.sensors.press~2E1.offline.${AT * 1000}`,
      subject: 'weir.devices.offline.press~2E1',
      stream: 'WEIR_DEVICES',
      kv: { bucket: 'weir_devices', key: 'press=2E1', value: event.body },
    });
    expect(JSON.parse(event.body)).toMatchObject({
      type: 'weir.device.offline',
      subject: 'press.1',
      data: {
        device: 'press.1',
        stream: 'sensors',
        state: 'offline',
        reason: 'silence',
        lastSeenAt: '2026-01-02T03:03:05.000Z',
      },
    });
    expect(Object.entries(JSON.parse(event.body).data.labels)).toEqual([
      ['site', 'north'],
      ['__proto__', 'x'],
    ]);
  });

  test('that came back', () => {
    const event = deviceEvent({ ...change, online: true, reason: 'reading' }, STREAM, CONTEXT);
    expect(event.subject).toBe('weir.devices.online.press~2E1');
    expect(JSON.parse(event.body)).toMatchObject({ type: 'weir.device.online', data: { state: 'online' } });
    expect(event.kv?.value).toBe(event.body);
  });
});

describe('the event of a dead letter', () => {
  const rejected = (payload: Uint8Array): Rejected => ({
    kind: 'rejected',
    offset: 9,
    ordinal: 0,
    at: AT,
    stream: -1,
    topic: 'plant/x',
    reason: 'malformed',
    detail: 'The payload is not JSON.',
    payload,
  });
  const payloadOf = (payload: Uint8Array) =>
    JSON.parse(deadLetterEvent(rejected(payload), undefined, CONTEXT).body).data.payload;

  test('is published to its subject and to no JetStream stream', () => {
    const event = deadLetterEvent(rejected(new TextEncoder().encode('{')), undefined, CONTEXT);
    expect(event).toMatchObject({ id: 'j-1.9.deadletter.0', offset: 9, subject: 'weir.deadletters' });
    expect(event).not.toHaveProperty('stream');
    expect(event).not.toHaveProperty('kv');
    expect(JSON.parse(event.body)).toMatchObject({
      type: 'weir.deadletter',
      subject: 'plant/x',
      data: { topic: 'plant/x', stream: null, reason: 'malformed', payload: { bytes: 1, truncated: false, text: '{' } },
    });
  });

  test.each([
    ['text', Buffer.from('°C'), { bytes: 3, truncated: false, text: '°C' }],
    ['bytes', Uint8Array.of(0xff, 0x00), { bytes: 2, truncated: false, base64: '/wA=' }],
    ['nothing', new Uint8Array(), { bytes: 0, truncated: false, text: '' }],
    [
      'long bytes',
      new Uint8Array(5_000).fill(0xff),
      { bytes: 5_000, truncated: true, base64: `${'/'.repeat(5461)}w==` },
    ],
    [
      'a character cut in half',
      Buffer.from(`${'x'.repeat(4_095)}é`),
      { bytes: 4_097, truncated: true, text: 'x'.repeat(4_095) },
    ],
  ])('shows %s', (_, payload, shown) => {
    expect(payloadOf(payload)).toEqual(shown);
  });
});
