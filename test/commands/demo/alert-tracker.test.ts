import { beforeEach, describe, expect, test } from 'vitest';
import { type AlertTracker, createAlertTracker } from '../../../engine/commands/demo/alert-tracker.ts';

const AT = '2026-01-02T03:04:05.000Z';
const LATER = '2026-01-02T03:04:15.000Z';

function event(offset: number, state: string, key: string, at = AT): string {
  return JSON.stringify({
    id: `journal.${offset}.hot.${key}.${state}`,
    type: `weir.alert.${state}`,
    data: { rule: 'hot', key, severity: 'warning', message: `${key} ${state}`, since: AT, at },
  });
}

let alerts: AlertTracker;
beforeEach(() => {
  alerts = createAlertTracker();
});

describe('an alert tracker', () => {
  test('shows the newest alert first, and moves it to the resolved ones with the message of its firing', () => {
    alerts.start(0, []);
    alerts.add(event(1, 'firing', 'a'));
    alerts.add(event(2, 'firing', 'b'));
    expect(alerts.open.map(({ key }) => key)).toEqual(['b', 'a']);
    alerts.add(event(3, 'resolved', 'a', LATER));
    expect(alerts.open.map(({ key }) => key)).toEqual(['b']);
    expect(alerts.resolved).toEqual([
      {
        rule: 'hot',
        key: 'a',
        severity: 'warning',
        message: 'a firing',
        sinceAt: Date.parse(AT),
        resolvedAt: Date.parse(LATER),
      },
    ]);
    expect([alerts.firing, alerts.resolvedCount, alerts.events]).toEqual([2, 1, 3]);
  });

  test('counts every id once, other events too, and ignores everything that is not an event of an engine', () => {
    alerts.start(0, []);
    alerts.add(event(1, 'firing', 'a'));
    alerts.add(event(1, 'firing', 'a'));
    alerts.add(JSON.stringify({ id: 'journal.2.deadletter', type: 'weir.deadletter', data: {} }));
    for (const body of ['no JSON', '5', 'null', '{}', '{"id":"x","type":"weir.alert.firing"}']) alerts.add(body);
    expect([alerts.firing, alerts.events]).toEqual([1, 2]);
  });

  test('counts from the start offset, including events received before the offset was known', () => {
    alerts.add(event(9, 'firing', 'old'));
    alerts.add(event(10, 'firing', 'new'));
    alerts.add(event(11, 'resolved', 'open-before', LATER));
    expect(alerts.events).toBe(0);
    alerts.start(10, [{ rule: 'hot', key: 'open-before', severity: 'info', message: 'from before', sinceAt: 1 }]);
    expect(alerts.open.map(({ key }) => key)).toEqual(['new']);
    expect(alerts.resolved.map(({ message }) => message)).toEqual(['from before']);
    expect([alerts.firing, alerts.resolvedCount, alerts.events]).toEqual([1, 1, 2]);
  });

  test('keeps the last 20 resolved ones', () => {
    alerts.start(0, []);
    for (let i = 0; i < 30; i++) alerts.add(event(i, 'resolved', `d${i}`, LATER));
    expect(alerts.resolved).toHaveLength(20);
    expect(alerts.resolved[0]?.key).toBe('d29');
    expect(alerts.resolvedCount).toBe(30);
  });
});
