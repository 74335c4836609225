import { expect, onTestFinished, test, vi } from 'vitest';
import { startTestClickHouse } from './servers/clickhouse.ts';
import { createCleanup, createPlant, eventually, openTables } from './servers/plant.ts';

vi.setConfig({ testTimeout: 120_000 });

const sensors = {
  topic: 'plant/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number' },
};
const rules = [
  {
    name: 'hot',
    stream: 'sensors',
    conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] },
    event: { type: 'hot' },
  },
  { name: 'silent', stream: 'sensors', silence: '2s', event: { type: 'silent' } },
];

/** With MQTT 3.1.1 retained messages arrive on every connection, with MQTT 5 after the broker has lost the session. */
test.each([
  ['3.1.1', 'at every connection', false],
  ['3.1.1', 'after a lost session', true],
  [5, 'after a lost session', true],
] as const)('over MQTT %s, what is retained comes again %s and changes nothing', async (version, _, forgets) => {
  const cleanup = createCleanup();
  onTestFinished(() => cleanup.run());
  const clickhouse = await startTestClickHouse();
  cleanup.add(() => clickhouse.stop());
  const tables = openTables(clickhouse.url, cleanup);
  const config = { mqtt: { version } };
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules, config },
    cleanup,
  );
  const client = await plant.client();
  const at = Date.now();
  const send = (device: string, ts: number, temp: number, retain = true) =>
    client.publishAsync(`plant/${device}/data`, JSON.stringify({ ts, temp }), { qos: 1, retain });
  // Retained before the first start of Weir: it is evaluated, and does not count as a sign of life.
  await send('old', at - 3_600_000, 60);
  const engine = await plant.start();
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.alerts)')).toBeGreaterThan(0));
  await send('live', at, 60);
  await send('live', at + 1, 20, false);
  const changes = () =>
    tables.select<{ change: string }>(
      "SELECT concat(rule, ' ', key, ' ', state) AS change FROM weir.alerts ORDER BY change",
    );
  const expected = [
    'hot live firing',
    'hot live resolved',
    'hot old firing',
    'silent live firing',
    'silent old firing',
  ];
  const settled = async () => expect((await changes()).map(({ change }) => change)).toEqual(expected);
  await eventually(settled);

  for (let times = 1; times <= 2; times++) {
    const before = await engine.metrics();
    // A clean session with its client id replaces Weir's session.
    if (forgets) await (await plant.client({ clientId: 'weir-test', clean: true, reconnectPeriod: 0 })).endAsync(true);
    else await plant.broker.restart();
    const left = async () => {
      const { weir_readings_outdated_total = 0, weir_retained_repeated_total = 0 } = await engine.metrics();
      return weir_readings_outdated_total + weir_retained_repeated_total;
    };
    const earlier = (before.weir_readings_outdated_total ?? 0) + (before.weir_retained_repeated_total ?? 0);
    await eventually(async () => expect(await left()).toBe(earlier + 2));
  }
  // A fence: their results would have arrived before it.
  await send('fence', Date.now(), 20, false);
  await eventually(async () =>
    expect(await tables.count("(SELECT count() FROM weir.sensors WHERE device = 'fence')")).toBe(1),
  );
  await settled();
  for (const count of ['count() FROM weir.sensors', 'sum(count) FROM weir.sensors_1m']) {
    expect(await tables.count(`(SELECT ${count} WHERE device != 'fence')`)).toBe(3);
  }
  const online = await tables.select("SELECT device, online FROM weir.devices WHERE device != 'fence' ORDER BY time");
  expect(online.map(({ device, online }) => `${device} ${online}`)).toEqual(['live true', 'live false']);
});
