// Longer than most: it is one list of scenarios, with the steps that only they use.
import { appendFileSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import mqtt from 'mqtt';
import { DiscardPolicy, type StreamConfig } from 'nats';
import { readStream } from '../integration/servers/events.ts';
import {
  type Copy,
  damageAll,
  damageNewestSection,
  newestGeneration,
  PLACES,
  type Place,
  sectionsOf,
} from './checkpoint-damage.ts';
import { CRASHES } from './crashes.ts';
import type { FaultName } from './faults.ts';
import type { Expectation } from './oracle.ts';
import type { Publisher } from './publisher.ts';
import { DEVICES, isPlain, RULES, readingOf, type Sent, STREAM, unknownDeviceReading } from './readings.ts';
import type { Testbed, TestbedOptions } from './testbed.ts';

/** A run with a certain failure. */
export interface Scenario extends TestbedOptions {
  readonly name: string;
  /** Whether it is part of the short run. */
  readonly short?: boolean;
  /** How often the full run runs it. Default 1. */
  readonly runs?: number;
  /** Number of readings in the short and in the full run. Default 4,000 and 30,000. */
  readonly count?: Count;
  /** Readings per second. Default 2,000; 'flood' means as fast as the broker accepts them. */
  readonly perSecond?: number | 'flood';
  /** Faults at the edges of the first engine; those after it have none. */
  readonly first?: readonly FaultName[];
  /** Faults at the edges of every engine. */
  readonly always?: readonly FaultName[];
  /** The messages to send instead of reading `n` of `count`. */
  readonly publish?: (n: number, random: () => number, count: number) => readonly Sent[];
  readonly expect?: Partial<Omit<Expectation, 'sent' | 'reportedLost' | 'unknownDevices'>>;
  /** Number of unknown devices in `publish`, for this number of readings. */
  readonly unknownDevices?: (count: number) => number;
  /** Causes the failure while readings arrive; resolves when the failure is over. */
  readonly disturb?: (testbed: Testbed, run: Run) => Promise<void>;
  /** Whether the fault took place. If not, the run proves nothing. */
  readonly happened?: (testbed: Testbed) => boolean | Promise<boolean>;
  /** A promise that the oracle does not check. */
  readonly holds?: (testbed: Testbed) => Promise<boolean>;
}

interface Count {
  readonly short: number;
  readonly full: number;
}

export interface Run {
  readonly full: boolean;
  readonly random: () => number;
  readonly publisher: Publisher;
  /** The reading of this number is lost, and the engine must report it. */
  readonly expectLost: (n: number) => void;
}

const SHORT_CRASHES: readonly (keyof typeof CRASHES)[] = [
  'before-write',
  'after-sync',
  'insert-answered',
  'publish-sent',
  'checkpoint-changes',
  'checkpoint-synced',
];
const crashScenarios = (Object.keys(CRASHES) as (keyof typeof CRASHES)[]).map(
  (name): Scenario => ({
    name: `crash: ${name}`,
    short: SHORT_CRASHES.includes(name),
    runs: 3,
    // Crashes of checkpoints come after some other checkpoints.
    ...(name.startsWith('checkpoint') && { count: { short: 8_000, full: 30_000 } }),
    first: [name],
    happened: ({ exits }) => exits[0]?.signal === 'SIGKILL',
  }),
);

const seconds = ({ full }: Run, { short, full: long }: Count) => delay((full ? long : short) * 1_000);

/** The link has a fault for some seconds. */
const withLinkFault =
  (link: keyof Testbed['links'], linkFault: Parameters<Testbed['links']['mqtt']['set']>[0], length: Count) =>
  async ({ links }: Testbed, run: Run) => {
    await delay(300);
    links[link].set(linkFault);
    await seconds(run, length);
    links[link].set({});
    links[link].cut();
  };

const newestSegment = ({ data }: Testbed) => {
  const names = readdirSync(data).filter((each) => each.endsWith('.wal'));
  return join(data, String(names.sort().at(-1)));
};

const hasLogged = (text: string) => (testbed: Testbed) => testbed.log().some(({ msg }) => msg.includes(text));

/** Flips one bit in each of three readings that are only in the journal. */
const flipBits = async (testbed: Testbed, { publisher, expectLost }: Run): Promise<void> => {
  await delay(500);
  testbed.links.clickhouse.set({ down: true });
  await delay(1_000);
  await publisher.pause();
  // Wait until the engine has acknowledged everything; otherwise the broker would send it again, also what is damaged below.
  const journaled = async () => (await testbed.engine().metrics()).weir_messages_journaled_total ?? 0;
  while ((await journaled()) < publisher.sent.length) await delay(200);
  await delay(500);
  await testbed.kill();
  const path = newestSegment(testbed);
  const bytes = readFileSync(path);
  // Plain readings only, because the alerts of others are already published.
  const found = [...bytes.toString('latin1').matchAll(/"n":(\d+),/g)].filter(([, n]) => isPlain(Number(n)));
  for (const place of [found.at(-800), found.at(-400), found.at(-2)]) {
    bytes[place!.index]! ^= 1;
    expectLost(Number(place![1]));
  }
  writeFileSync(path, bytes);
  await testbed.revive();
  testbed.links.clickhouse.set({});
  publisher.resume();
};

type Damage = readonly [place: Place, copies: readonly Copy[]];

/** Kills the engine after it has written checkpoints, damages them, and starts another engine, for each damage in turn. */
const damaging =
  (damages: readonly Damage[], damage: (folder: string, ...each: Damage) => void) =>
  async (testbed: Testbed, { publisher, full }: Run): Promise<void> => {
    let before = 0;
    for (const each of Array.from({ length: full ? 3 : 1 }, () => damages).flat()) {
      await hasSectionsAfter(testbed, before);
      await publisher.pause();
      await testbed.kill();
      before = newestGeneration(testbed.data);
      damage(testbed.data, ...each);
      await testbed.revive();
      publisher.resume();
    }
  };

/** Resolves once the newest files are newer than those of this number, and have a full section and one of changes. */
const hasSectionsAfter = async ({ data }: Testbed, before: number): Promise<void> => {
  const deadlineAt = performance.now() + 20_000;
  for (;;) {
    const newest = newestGeneration(data);
    if (newest > before && sectionsOf(data, newest) > 1) return;
    if (performance.now() > deadlineAt) throw new Error('the engine made no checkpoint');
    await delay(50);
  }
};

const timesLogged = ({ log }: Testbed, text: string) => log().filter(({ msg }) => msg.includes(text)).length;

/** Fills the disk of the data folder, except for this many bytes. */
const fillDisk = ({ data }: Testbed, leaveBytes: number) => {
  const { bavail, bsize } = statfsSync(data);
  try {
    writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - leaveBytes));
  } catch (error) {
    // The engine wrote meanwhile, so there was less room: the disk is as full as it can be.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
};

/** Limits the stream of alerts before the first alert; a limit below its content would delete events. */
const fillStream = async (testbed: Testbed, run: Run): Promise<void> => {
  const manager = await (await testbed.natsClient()).jetstreamManager();
  const change = (config: Partial<StreamConfig>) => manager.streams.update('WEIR_ALERTS', config);
  await change({ discard: DiscardPolicy.New, max_msgs: 20 });
  await seconds(run, { short: 2, full: 15 });
  await change({ discard: DiscardPolicy.Old, max_msgs: -1 });
};

/** Kills the engine after it has sent rows, runs `change`, and starts another engine. */
const killedAround =
  (change: (testbed: Testbed) => void | Promise<void>) =>
  async (testbed: Testbed, { publisher }: Run): Promise<void> => {
    await delay(1_000);
    await publisher.pause();
    await delay(500);
    await testbed.kill();
    await change(testbed);
    await testbed.revive();
    publisher.resume();
  };

const REFUSED = 2_777;

/** A hot reading, whose event contains its text twice. */
const isPoison = (n: number) => !isPlain(n) && n % 25 === 0;
/** As large as a message may be. Its event would be larger than NATS accepts. */
const poisoned = (sent: Sent): Sent => ({
  ...sent,
  payload: JSON.stringify({ ...JSON.parse(sent.payload), text: '\u0001'.repeat(150_000) }),
});
const POISON = {
  short: true,
  config: {
    streams: {
      sensors: { ...STREAM, fields: { ...STREAM.fields, text: 'string' }, limits: { bytes: '1MiB' } },
    },
  },
  rules: RULES.map((rule) =>
    rule.name === 'hot' ? { ...rule, event: { type: 'hot', params: { message: '{{device}}: {{text}}' } } } : rule,
  ),
  publish: (n: number) => [isPoison(n) ? poisoned(readingOf(n)) : readingOf(n)],
};
const truncated = async (testbed: Testbed) =>
  (await readStream(await testbed.natsClient(), 'WEIR_ALERTS')).filter(({ body }) => body.data.truncated === true);
/** Resolves once there is a truncated event. */
const untilTruncated = async (testbed: Testbed): Promise<void> => {
  const deadlineAt = performance.now() + 20_000;
  while ((await truncated(testbed)).length === 0 && performance.now() < deadlineAt) await delay(50);
};
/** Smaller than a poisoned event after the usual cut; bytes. */
const SMALL_PAYLOAD = 8_192;
/** Further streams beside that of the readings. */
const REMOVED = { topic: 'removed/{device}', format: 'json', fields: { value: 'number' } };
const OVERLAPPING = { topic: 'plant/d7/#', format: 'json', device: 'id', fields: { value: 'number' } };

/** Removes a stream from the config of the next engine. */
const removeStream = ({ folder }: Testbed, name: string): void => {
  const file = join(folder, 'weir.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { streams: Record<string, unknown> };
  delete config.streams[name];
  writeFileSync(file, JSON.stringify(config));
};

/** Kills the engine, also while it unsubscribes, and cuts the connection to the broker. */
const removeTopics = async (testbed: Testbed, { full, random }: Run): Promise<void> => {
  await delay(500);
  await testbed.kill();
  removeStream(testbed, 'removed');
  // Messages of the removed subscription wait in the session.
  await delay(300);
  await testbed.revive();
  for (let i = 0; i < (full ? 10 : 2); i++) {
    await delay(50 + random() * 300);
    await testbed.restart();
    testbed.links.mqtt.cut();
  }
};

/** Resolves once events wait on the disk. */
const hasEventsOnDisk = async ({ data, engine }: Testbed): Promise<void> => {
  const deadlineAt = performance.now() + 20_000;
  for (;;) {
    const spilled = (await engine().metrics()).weir_nats_spilled_bytes ?? 0;
    if (spilled > 0 && readdirSync(join(data, 'spill-events')).length > 0) return;
    if (performance.now() > deadlineAt) throw new Error('no events were written to the disk');
    await delay(50);
  }
};

/** Kills the engine while events wait on the disk: also one that has just made them again from the journal. */
const killWithEventsOnDisk = async (testbed: Testbed, { full }: Run): Promise<void> => {
  const { nats } = testbed.links;
  for (let i = 0; i < (full ? 4 : 1); i++) {
    await delay(300);
    nats.set({ down: true });
    nats.cut();
    await hasEventsOnDisk(testbed);
    await testbed.restart();
    await hasEventsOnDisk(testbed);
    await testbed.restart();
    nats.set({});
    await testbed.ready();
  }
};

/** Whether the subscription has ended, and no later message of it became a dead letter. */
const areTopicsGone = async (testbed: Testbed): Promise<boolean> => {
  const ended = testbed.log().some(({ msg }) => msg.startsWith('Ended the subscription to removed/+'));
  const changedAt = testbed.log().filter(({ msg }) => msg === 'running')[1]?.time;
  const [row] = await testbed.query<{ c: string }>(
    `SELECT count() AS c FROM ${testbed.database}.dead_letters WHERE time > parseDateTime64BestEffort('${changedAt}', 3)`,
  );
  const { weir_messages_unwanted_total: before } = await testbed.engine().metrics();
  const client = await mqtt.connectAsync(testbed.broker.url);
  await client.publishAsync('removed/x', '{}', { qos: 1 });
  await client.endAsync();
  // After the next tick, everything that the broker had sent has arrived.
  await delay(1_000);
  const { weir_messages_unwanted_total: after } = await testbed.engine().metrics();
  return ended && Number(row?.c) === 0 && before === after;
};

const isLate = (n: number) => n >= 0 && (n * 7_919) % 100 < 5;
const LATE_BY = 500;
const isSwapped = (n: number) => (Math.floor(n / 100) * 50 + (n % 50)) % 5 === 0;

const UNKNOWN_PER_READING = 15;
/** The known devices send first. */
const unknownFrom = DEVICES;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'no fault', short: true },
  ...crashScenarios,
  {
    name: 'killed at random',
    short: true,
    count: { short: 6_000, full: 60_000 },
    disturb: async (testbed, { random, full }) => {
      for (let i = 0; i < (full ? 20 : 3); i++) {
        await delay(100 + random() * 900);
        await testbed.restart();
      }
    },
  },
  {
    name: 'killed in a flood',
    short: true,
    count: { short: 200_000, full: 400_000 },
    perSecond: 'flood',
    // The broker may have as many messages in flight as there are packet ids.
    broker: ['max_inflight_messages 0', 'max_queued_messages 0'],
    config: { clickhouse: { batch: { rows: 20_000, age: '1s' } } },
    disturb: async (testbed, { random, full }) => {
      for (let i = 0; i < (full ? 8 : 3); i++) {
        await delay(400 + random() * 600);
        await testbed.restart();
      }
    },
  },
  {
    name: 'acknowledgements lost',
    short: true,
    config: { mqtt: { receiveMaximum: 300 } },
    disturb: async (testbed, { full }) => {
      // Enough bytes to connect, and for some acknowledgements.
      testbed.links.mqtt.set({ dropAfterBytes: 800 });
      testbed.links.mqtt.cut();
      for (let i = 0; i < (full ? 20 : 8); i++) {
        await delay(200);
        await testbed.restart();
      }
      testbed.links.mqtt.set({});
      testbed.links.mqtt.cut();
    },
  },
  {
    name: 'broker restarts',
    short: true,
    // The publisher sends messages again that the broker had not acknowledged, as new messages.
    expect: { allowDuplicates: true, uncertainOrder: true },
    disturb: async ({ broker }) => {
      await delay(500);
      await broker.restart();
    },
  },
  {
    name: 'broker killed',
    short: true,
    count: { short: 800, full: 4_000 },
    perSecond: 400,
    // Without this it would lose messages that it has acknowledged to the publisher.
    broker: ['autosave_interval 1', 'autosave_on_changes true'],
    disturb: async ({ broker, links }, { publisher }) => {
      await delay(500);
      links.mqtt.set({ down: true });
      await delay(500);
      await publisher.pause();
      await delay(1_500);
      await broker.kill();
      await broker.restart();
      links.mqtt.set({});
      publisher.resume();
    },
  },
  {
    name: 'broker loses the session',
    short: true,
    disturb: async (testbed, { publisher }) => {
      const { broker } = testbed;
      await delay(500);
      await publisher.pause();
      // Wait for messages in flight, because they would be lost with the broker's session.
      await delay(500);
      await broker.halt();
      rmSync(join(broker.dir, 'mosquitto.db'));
      await broker.restart();
      await testbed.ready();
      publisher.resume();
    },
    happened: async (testbed) => (await readStream(await testbed.natsClient(), 'WEIR_GAPS')).length === 1,
  },
  { name: 'broker link cut', short: true, disturb: withLinkFault('mqtt', { down: true }, { short: 2, full: 10 }) },
  { name: 'broker link silent', disturb: withLinkFault('mqtt', { silent: true }, { short: 4, full: 20 }) },
  { name: 'broker link slow', disturb: withLinkFault('mqtt', { bytesPerSecond: 50_000 }, { short: 3, full: 15 }) },
  {
    name: 'ClickHouse away',
    short: true,
    count: { short: 6_000, full: 260_000 },
    // The queue is small, so that batches must wait on the disk.
    config: { clickhouse: { queue: '1MiB', batch: { rows: 500, bytes: '100KiB', age: '200ms' } } },
    disturb: withLinkFault('clickhouse', { down: true }, { short: 3, full: 120 }),
  },
  {
    name: 'killed without ClickHouse',
    short: true,
    disturb: async (testbed) => {
      await delay(300);
      testbed.links.clickhouse.set({ down: true });
      await delay(2_500);
      await testbed.restart();
      testbed.links.clickhouse.set({});
    },
  },
  { name: 'ClickHouse slow', disturb: withLinkFault('clickhouse', { answerDelayMs: 5_000 }, { short: 4, full: 20 }) },
  {
    name: 'ClickHouse answers garbage',
    disturb: withLinkFault(
      'clickhouse',
      { garbage: 'HTTP/1.1 299 Odd\r\ncontent-length: 3\r\n\r\nodd' },
      { short: 2, full: 10 },
    ),
  },
  {
    name: 'answer lost after the commit',
    short: true,
    disturb: withLinkFault('clickhouse', { dropAnswersTo: 'POST ' }, { short: 2, full: 10 }),
    happened: ({ links }) => links.clickhouse.lost > 0,
  },
  {
    name: 'one row refused',
    short: true,
    expect: { refused: [REFUSED] },
    disturb: async ({ clickhouse, database }) => {
      await clickhouse.command({
        query: `ALTER TABLE ${database}.sensors ADD CONSTRAINT refused CHECK n != ${REFUSED}`,
      });
    },
  },
  {
    name: 'NATS away',
    short: true,
    disturb: async (testbed, run) => {
      await delay(300);
      await testbed.stopNats();
      await seconds(run, { short: 1.5, full: 15 });
      await testbed.startNats();
    },
  },
  {
    name: 'killed with events on the disk',
    short: true,
    count: { short: 6_000, full: 40_000 },
    config: { nats: { outbox: '64KiB' } },
    disturb: killWithEventsOnDisk,
  },
  { name: 'NATS link cut', disturb: withLinkFault('nats', { down: true }, { short: 3, full: 15 }) },
  {
    name: 'JetStream absent',
    disturb: async (testbed, run) => {
      await delay(300);
      await testbed.stopNats();
      await testbed.startNats({ jetstream: false });
      await seconds(run, { short: 2, full: 10 });
      await testbed.stopNats();
      await testbed.startNats();
    },
  },
  { name: 'JetStream full', short: true, disturb: fillStream, happened: hasLogged('delivery failed') },
  {
    name: 'everything cut off',
    count: { short: 6_000, full: 150_000 },
    disturb: async ({ links }, run) => {
      await delay(300);
      for (const link of Object.values(links)) link.set({ down: true });
      await seconds(run, { short: 3, full: 60 });
      for (const link of Object.values(links)) link.set({});
    },
  },
  { name: 'disk error', short: true, first: ['disk error'], happened: ({ exits }) => exits[0]?.code === 1 },
  {
    name: 'disk nearly full',
    short: true,
    diskBytes: 32 * 1024 * 1024,
    config: { journal: { minFree: '8MiB' } },
    disturb: async (testbed, run) => {
      await delay(500);
      fillDisk(testbed, 6 * 1024 * 1024);
      await seconds(run, { short: 2, full: 5 });
      rmSync(join(testbed.data, 'filler'));
    },
    happened: hasLogged('intake stopped: the disk is nearly full'),
  },
  {
    name: 'disk full',
    diskBytes: 32 * 1024 * 1024,
    config: { journal: { minFree: '1MiB' } },
    disturb: async (testbed, run) => {
      await delay(500);
      fillDisk(testbed, 0);
      await seconds(run, { short: 2, full: 5 });
      rmSync(join(testbed.data, 'filler'));
    },
    happened: ({ exits }) => exits[0]?.code === 1,
  },
  {
    name: 'journal torn',
    short: true,
    disturb: async (testbed) => {
      await delay(1_000);
      await testbed.kill();
      appendFileSync(newestSegment(testbed), Buffer.from([200, 0, 0, 0, 1, 2, 3]));
      await testbed.revive();
    },
    happened: hasLogged('the journal ended in half a record'),
  },
  { name: 'journal with flipped bits', short: true, disturb: flipBits, happened: hasLogged('the journal is damaged') },
  {
    name: 'checkpoints damaged in one copy',
    short: true,
    count: { short: 8_000, full: 30_000 },
    perSecond: 1_000,
    always: ['frequent checkpoints'],
    disturb: damaging(
      PLACES.flatMap((place) => [[place, ['a']] as const, [place, ['b']] as const]),
      damageNewestSection,
    ),
    // Frames and commit records of the second copy are read only if the first copy is damaged there.
    happened: (testbed) => timesLogged(testbed, 'one of the two copies of a checkpoint is damaged') >= 4,
    holds: async (testbed) => testbed.log().every(({ msg }) => !/checkpoint can(not)? be used/.test(msg)),
  },
  {
    name: 'checkpoints damaged in both copies',
    short: true,
    count: { short: 6_000, full: 30_000 },
    perSecond: 1_000,
    always: ['frequent checkpoints'],
    disturb: damaging(
      [
        ['frame', ['a', 'b']],
        ['commit', ['a', 'b']],
      ],
      damageNewestSection,
    ),
    happened: (testbed) => timesLogged(testbed, 'continuing from the previous checkpoint') >= 2,
  },
  {
    name: 'all checkpoints damaged',
    short: true,
    count: { short: 4_000, full: 30_000 },
    always: ['frequent checkpoints'],
    disturb: damaging([['header', ['a', 'b']]], damageAll),
    happened: hasLogged('folding the whole journal from its start'),
  },
  {
    name: 'clock jumps',
    always: ['clock jumps'],
    count: { short: 12_000, full: 30_000 },
    happened: async (testbed) => ((await testbed.engine().metrics()).weir_clock_steps_total ?? 0) > 1,
  },
  {
    name: 'a tenth sent twice',
    short: true,
    publish: (n, random) => (random() < 0.1 ? [readingOf(n), readingOf(n)] : [readingOf(n)]),
    expect: { allowDuplicates: true },
  },
  {
    name: 'a fifth out of order',
    publish: (n, _random, count) => {
      const [first, second] = n % 100 < 50 ? [n, n + 50] : [n - 50, n];
      return [readingOf(isSwapped(first) && second < count ? first + second - n : n)];
    },
  },
  {
    name: 'a twentieth late',
    publish: (n, _random, count) => [
      ...(isLate(n) && n + LATE_BY < count ? [] : [readingOf(n)]),
      ...(isLate(n - LATE_BY) ? [readingOf(n - LATE_BY)] : []),
    ],
  },
  {
    name: 'topics removed',
    short: true,
    config: { streams: { removed: REMOVED } },
    publish: (n) => [readingOf(n), ...(n % 5 === 0 ? [{ topic: 'removed/x', payload: '{"value":1}' }] : [])],
    disturb: removeTopics,
    holds: areTopicsGone,
  },
  {
    name: 'topics overlap',
    short: true,
    // With this option, Mosquitto delivers each reading of one device twice if subscriptions overlap.
    broker: ['allow_duplicate_messages true'],
    config: { streams: { overlapping: OVERLAPPING } },
    disturb: async (testbed) => {
      await delay(500);
      await testbed.restart();
      testbed.links.mqtt.cut();
    },
  },
  {
    name: 'garbage among good',
    short: true,
    publish: (n) => [readingOf(n), ...(n % 50 === 0 ? [{ topic: 'plant/d0/data', payload: '{"n":' }] : [])],
  },
  {
    name: 'ClickHouse restarts after a kill',
    short: true,
    ownClickHouse: true,
    first: ['no checkpoint'],
    disturb: killedAround((testbed) => testbed.restartClickHouse()),
    happened: ({ exits }) => exits.length === 1,
  },
  {
    name: 'field added in between',
    short: true,
    first: ['no checkpoint'],
    disturb: killedAround((testbed) =>
      testbed.reconfigure({
        streams: { sensors: { ...STREAM, fields: { hum: 'number', ...STREAM.fields } } },
        clickhouse: { batch: { rows: 300, age: '1s' } },
      }),
    ),
    happened: async ({ query, database }) =>
      (await query(`SELECT name FROM system.columns WHERE database = '${database}' AND name = 'hum'`)).length > 0,
  },
  {
    ...POISON,
    name: 'poison event',
    disturb: async (testbed, run) => {
      await seconds(run, { short: 1, full: 5 });
      await testbed.restart();
    },
    happened: async (testbed) => (await truncated(testbed)).length > 0,
  },
  {
    ...POISON,
    name: 'poison event refused',
    disturb: async (testbed, run) => {
      await seconds(run, { short: 1, full: 5 });
      await untilTruncated(testbed);
      await testbed.stopNats();
      await testbed.startNats({ config: `max_payload: ${SMALL_PAYLOAD}` });
      await seconds(run, { short: 1, full: 5 });
      await testbed.restart();
    },
    happened: async (testbed) => {
      const sizes = (await truncated(testbed)).map(({ body }) => JSON.stringify(body).length);
      return sizes.some((size) => size > SMALL_PAYLOAD) && sizes.some((size) => size < SMALL_PAYLOAD);
    },
  },
  {
    name: 'device flood',
    short: true,
    count: { short: 2_050, full: 20_050 },
    perSecond: 500,
    heapMiB: 80,
    config: {
      streams: { sensors: { ...STREAM, limits: { devices: 1_000 } } },
      clickhouse: { batch: { rows: 5_000, age: '200ms' } },
    },
    publish: (n) => [
      readingOf(n),
      ...(n < unknownFrom
        ? []
        : Array.from({ length: UNKNOWN_PER_READING }, (_, i) =>
            unknownDeviceReading((n - unknownFrom) * UNKNOWN_PER_READING + i),
          )),
    ],
    unknownDevices: (count) => (count - unknownFrom) * UNKNOWN_PER_READING,
    disturb: async (testbed, run) => {
      await seconds(run, { short: 2, full: 20 });
      await testbed.restart();
    },
    // Only the engine that the scenario killed exited, and none ran out of memory.
    happened: (testbed) =>
      testbed.exits.length === 1 && hasLogged('there is no room for more devices or keys')(testbed),
  },
  { name: 'flood', count: { short: 20_000, full: 600_000 }, perSecond: 1_000_000, merges: true },
];
