import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { StreamConfig } from '../../engine/model/config.ts';
import { madeReading } from '../../engine/model/reading.ts';
import { createJumpLog } from '../../engine/runtime/jump-log.ts';

test('the log names the last of the devices whose clock jumped, at once and then once a minute', () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const clock = { at: 0, now: () => clock.at, steady: () => clock.at };
  const jumpLog = createJumpLog({ streams: [{ name: 'sensors' } as StreamConfig], clock, log });
  const jump = (device: string) => {
    const cause = { offset: 1, receivedAt: 0, connection: 0, liveMs: 0 };
    const made = { stream: 0, device, labels: [], time: Date.UTC(2026, 0, 1), values: [] };
    jumpLog.add(madeReading(cause, made, false, undefined), Date.UTC(2000, 0, 1));
  };
  jumpLog.check();
  expect(lines).toEqual([]);
  jump('d1');
  for (; clock.at < 59_000; clock.at += 1_000) {
    jumpLog.check();
    jump('d2');
  }
  expect(lines).toMatchObject([
    {
      jumps: 1,
      last: { stream: 'sensors', device: 'd1', from: '2000-01-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000Z' },
    },
  ]);
  clock.at = 60_000;
  jumpLog.check();
  jumpLog.check();
  expect(lines.slice(1)).toMatchObject([{ jumps: 59, last: { device: 'd2' } }]);
});
