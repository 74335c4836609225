import { appendFileSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import mqtt from 'mqtt';
import { DiscardPolicy, type StreamConfig } from 'nats';
import { readStream } from '../integration/servers/events.ts';
import { DEATHS } from './deaths.ts';
import type { FaultName } from './faults.ts';
import type { Expectation } from './oracle.ts';
import type { Publisher } from './publisher.ts';
import { DEVICES, isPlain, RULES, readingOf, type Sent, STREAM, strangeReading } from './readings.ts';
import type { World, WorldOptions } from './world.ts';

/** One way in which things go wrong. */
export interface Scenario extends WorldOptions {
  readonly name: string;
  /** Part of the short run. */
  readonly short?: boolean;
  /** How often the full run repeats it; default once. */
  readonly runs?: number;
  /** Readings of the short and of the full run; default 4,000 and 30,000. */
  readonly count?: Count;
  /** Default 2,000; 'flood': as fast as the broker takes them. */
  readonly perSecond?: number | 'flood';
  /** Faults at the edges of the first engine; those after it have none. */
  readonly first?: readonly FaultName[];
  /** Faults at the edges of every engine. */
  readonly always?: readonly FaultName[];
  /** What goes out in place of reading `n` of `count`. */
  readonly publish?: (n: number, random: () => number, count: number) => readonly Sent[];
  readonly expect?: Partial<Omit<Expectation, 'sent' | 'told' | 'strangers'>>;
  /** How many strangers `publish` sends with so many readings. */
  readonly strangers?: (count: number) => number;
  /** What happens while readings come; returns when times are good again. */
  readonly disturb?: (world: World, run: Run) => Promise<void>;
  /** Whether the fault took place at all: without it the run proves nothing. */
  readonly happened?: (world: World) => boolean | Promise<boolean>;
  /** A promise beside those that the oracle knows. */
  readonly holds?: (world: World) => Promise<boolean>;
}

interface Count {
  readonly short: number;
  readonly full: number;
}

export interface Run {
  readonly full: boolean;
  readonly random: () => number;
  readonly publisher: Publisher;
  /** The reading of this number is gone, and the engine must say so. */
  readonly tell: (n: number) => void;
}

const deaths = (Object.keys(DEATHS) as (keyof typeof DEATHS)[]).map(
  (name): Scenario => ({
    name: `dies: ${name}`,
    short: ['before-write', 'after-sync', 'insert-answered', 'publish-sent', 'checkpoint-between'].includes(name),
    runs: 3,
    first: [name],
    happened: ({ exits }) => exits[0]?.signal === 'SIGKILL',
  }),
);

const seconds = ({ full }: Run, { short, full: long }: Count) => delay((full ? long : short) * 1_000);

/** The link is in bad weather for some seconds, and good again. */
const spell =
  (link: keyof World['links'], weather: Parameters<World['links']['mqtt']['set']>[0], length: Count) =>
  async ({ links }: World, run: Run) => {
    await delay(300);
    links[link].set(weather);
    await seconds(run, length);
    links[link].set({});
    links[link].cut();
  };

const newestSegment = ({ data }: World) => {
  const names = readdirSync(data).filter((each) => each.endsWith('.wal'));
  return join(data, String(names.sort().at(-1)));
};

const hasLogged = (text: string) => (world: World) => world.log().some(({ msg }) => msg.includes(text));

/** Flips one bit each of three readings that stand in the journal and nowhere else. */
const flipBits = async (world: World, { publisher, tell }: Run): Promise<void> => {
  await delay(500);
  world.links.clickhouse.set({ down: true });
  await delay(1_000);
  await publisher.pause();
  // What is not acknowledged to the broker would come again.
  await delay(500);
  await world.kill();
  const path = newestSegment(world);
  const bytes = readFileSync(path);
  // What its alerts were has been told already.
  const found = [...bytes.toString('latin1').matchAll(/"n":(\d+),/g)].filter(([, n]) => isPlain(Number(n)));
  for (const place of [found.at(-800), found.at(-400), found.at(-2)]) {
    bytes[place!.index]! ^= 1;
    tell(Number(place![1]));
  }
  writeFileSync(path, bytes);
  await world.revive();
  world.links.clickhouse.set({});
  publisher.goOn();
};

/** Flips a bit of each checkpoint. */
const damageCheckpoints = async (world: World, { publisher }: Run): Promise<void> => {
  await delay(2_500);
  await publisher.pause();
  await world.kill();
  for (const name of readdirSync(world.data).filter((each) => each.startsWith('checkpoint'))) {
    const path = join(world.data, name);
    const bytes = readFileSync(path);
    bytes[bytes.length - 10]! ^= 1;
    writeFileSync(path, bytes);
  }
  await world.revive();
  publisher.goOn();
};

/** Leaves so much of the disk of the data folder. */
const fillDisk = ({ data }: World, leaveBytes: number) => {
  const { bavail, bsize } = statfsSync(data);
  writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - leaveBytes));
};

/** The stream of alerts has little room, from before the first alert on: a limit below what it holds would make it drop that. */
const fillStream = async (world: World, run: Run): Promise<void> => {
  const manager = await (await world.natsClient()).jetstreamManager();
  const change = (config: Partial<StreamConfig>) => manager.streams.update('WEIR_ALERTS', config);
  await change({ discard: DiscardPolicy.New, max_msgs: 20 });
  await seconds(run, { short: 2, full: 15 });
  await change({ discard: DiscardPolicy.Old, max_msgs: -1 });
};

/** The engine is killed once it has sent rows, and another starts when `change` is done. */
const killedAround =
  (change: (world: World) => void | Promise<void>) =>
  async (world: World, { publisher }: Run): Promise<void> => {
    await delay(1_000);
    await publisher.pause();
    await delay(500);
    await world.kill();
    await change(world);
    await world.revive();
    publisher.goOn();
  };

const REFUSED = 2_777;

/** Too hot, so that an event tells of it, with its text twice. */
const isPoison = (n: number) => !isPlain(n) && n % 25 === 0;
/** As large as a message may be; in an event, larger than NATS takes. */
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
const truncated = async (world: World) =>
  (await readStream(await world.natsClient(), 'WEIR_ALERTS')).filter(({ body }) => body.data.truncated === true);
/** Resolves once there is such an event: on a busy machine it takes a while. */
const untilTruncated = async (world: World): Promise<void> => {
  const deadlineAt = performance.now() + 20_000;
  while ((await truncated(world)).length === 0 && performance.now() < deadlineAt) await delay(50);
};
/** Less than a poisoned event has when it is cut as every large one is; bytes. */
const SMALL_PAYLOAD = 8_192;
/** Streams beside that of the readings. */
const REMOVED = { topic: 'removed/{device}', format: 'json', fields: { value: 'number' } };
const OVERLAPPING = { topic: 'plant/d7/#', format: 'json', device: 'id', fields: { value: 'number' } };

/** The config has it no longer, from the next engine on. */
const removeStream = ({ folder }: World, name: string): void => {
  const file = join(folder, 'weir.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { streams: Record<string, unknown> };
  delete config.streams[name];
  writeFileSync(file, JSON.stringify(config));
};

/** The engine is killed, also while it unsubscribes, and the broker loses the connection. */
const removeTopics = async (world: World, { full, random }: Run): Promise<void> => {
  await delay(500);
  await world.kill();
  removeStream(world, 'removed');
  // Messages wait in the session by the subscription that is to go.
  await delay(300);
  await world.revive();
  for (let i = 0; i < (full ? 10 : 2); i++) {
    await delay(50 + random() * 300);
    await world.restart();
    world.links.mqtt.cut();
  }
};

/** The subscription is gone, and of what still came by it after the change nothing became a dead letter. */
const areTopicsGone = async (world: World): Promise<boolean> => {
  const ended = world.log().some(({ msg }) => msg.startsWith('Ended the subscription to removed/+'));
  const changedAt = world.log().filter(({ msg }) => msg === 'running')[1]?.time;
  const [row] = await world.query<{ c: string }>(
    `SELECT count() AS c FROM ${world.database}.dead_letters WHERE time > parseDateTime64BestEffort('${changedAt}', 3)`,
  );
  const { weir_messages_unwanted_total: before } = await world.engine().metrics();
  const client = await mqtt.connectAsync(world.broker.url);
  await client.publishAsync('removed/x', '{}', { qos: 1 });
  await client.endAsync();
  // Whatever the broker had sent by then has come when the next second is ticked.
  await delay(1_000);
  const { weir_messages_unwanted_total: after } = await world.engine().metrics();
  return ended && Number(row?.c) === 0 && before === after;
};

const isLate = (n: number) => n >= 0 && (n * 7_919) % 100 < 5;
const LATE_BY = 500;
const isSwapped = (n: number) => (Math.floor(n / 100) * 50 + (n % 50)) % 5 === 0;

const STRANGERS_EACH = 15;
/** The devices that are known come first. */
const strangersFrom = DEVICES;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'calm', short: true },
  ...deaths,
  {
    name: 'killed at random',
    short: true,
    count: { short: 6_000, full: 60_000 },
    disturb: async (world, { random, full }) => {
      for (let i = 0; i < (full ? 20 : 3); i++) {
        await delay(100 + random() * 900);
        await world.restart();
      }
    },
  },
  {
    name: 'killed in a flood',
    short: true,
    count: { short: 200_000, full: 400_000 },
    perSecond: 'flood',
    // The broker has as many messages under way as there are packet ids.
    broker: ['max_inflight_messages 0', 'max_queued_messages 0'],
    config: { clickhouse: { batch: { rows: 20_000, age: '1s' } } },
    disturb: async (world, { random, full }) => {
      for (let i = 0; i < (full ? 8 : 3); i++) {
        await delay(400 + random() * 600);
        await world.restart();
      }
    },
  },
  {
    name: 'acknowledgements lost',
    short: true,
    config: { mqtt: { receiveMaximum: 300 } },
    disturb: async (world, { full }) => {
      // Enough to connect with, and for some acknowledgements.
      world.links.mqtt.set({ deafAfterBytes: 800 });
      world.links.mqtt.cut();
      for (let i = 0; i < (full ? 20 : 8); i++) {
        await delay(200);
        await world.restart();
      }
      world.links.mqtt.set({});
      world.links.mqtt.cut();
    },
  },
  {
    name: 'broker restarts',
    short: true,
    // What the broker had not acknowledged to the publisher comes from it again, as new messages.
    expect: { repeats: true, unsure: true },
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
    // Else it would lose what it has acknowledged to the publisher.
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
      publisher.goOn();
    },
  },
  {
    name: 'broker forgets',
    short: true,
    disturb: async (world, { publisher }) => {
      const { broker } = world;
      await delay(500);
      await publisher.pause();
      // What is on its way is lost with the broker's memory.
      await delay(500);
      await broker.halt();
      rmSync(join(broker.dir, 'mosquitto.db'));
      await broker.restart();
      await world.ready();
      publisher.goOn();
    },
    happened: async (world) => (await readStream(await world.natsClient(), 'WEIR_GAPS')).length === 1,
  },
  { name: 'broker link cut', short: true, disturb: spell('mqtt', { down: true }, { short: 2, full: 10 }) },
  { name: 'broker link silent', disturb: spell('mqtt', { silent: true }, { short: 4, full: 20 }) },
  { name: 'broker link slow', disturb: spell('mqtt', { bytesPerSecond: 50_000 }, { short: 3, full: 15 }) },
  {
    name: 'ClickHouse away',
    short: true,
    count: { short: 6_000, full: 260_000 },
    // Little room in memory: batches have to wait on the disk.
    config: { clickhouse: { queue: '1MiB', batch: { rows: 500, bytes: '100KiB', age: '200ms' } } },
    disturb: spell('clickhouse', { down: true }, { short: 3, full: 120 }),
  },
  {
    name: 'killed without ClickHouse',
    short: true,
    disturb: async (world) => {
      await delay(300);
      world.links.clickhouse.set({ down: true });
      await delay(2_500);
      await world.restart();
      world.links.clickhouse.set({});
    },
  },
  { name: 'ClickHouse slow', disturb: spell('clickhouse', { answersLateMs: 5_000 }, { short: 4, full: 20 }) },
  {
    name: 'ClickHouse answers garbage',
    disturb: spell(
      'clickhouse',
      { garbage: 'HTTP/1.1 299 Odd\r\ncontent-length: 3\r\n\r\nodd' },
      { short: 2, full: 10 },
    ),
  },
  {
    name: 'answer lost after the commit',
    short: true,
    disturb: spell('clickhouse', { loseAnswersTo: 'POST ' }, { short: 2, full: 10 }),
    happened: ({ links }) => links.clickhouse.lost > 0,
  },
  {
    name: 'one row refused',
    short: true,
    expect: { refused: [REFUSED] },
    disturb: async ({ clickhouse, database }) => {
      await clickhouse.command({ query: `ALTER TABLE ${database}.sensors ADD CONSTRAINT hate CHECK n != ${REFUSED}` });
    },
  },
  {
    name: 'NATS away',
    short: true,
    disturb: async (world, run) => {
      await delay(300);
      await world.stopNats();
      await seconds(run, { short: 1.5, full: 15 });
      await world.startNats();
    },
  },
  { name: 'NATS link cut', disturb: spell('nats', { down: true }, { short: 3, full: 15 }) },
  {
    name: 'JetStream absent',
    disturb: async (world, run) => {
      await delay(300);
      await world.stopNats();
      await world.startNats({ jetstream: false });
      await seconds(run, { short: 2, full: 10 });
      await world.stopNats();
      await world.startNats();
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
    disturb: async (world, run) => {
      await delay(500);
      fillDisk(world, 6 * 1024 * 1024);
      await seconds(run, { short: 2, full: 5 });
      rmSync(join(world.data, 'filler'));
    },
    happened: hasLogged('intake stopped: the disk is nearly full'),
  },
  {
    name: 'disk full',
    diskBytes: 32 * 1024 * 1024,
    config: { journal: { minFree: '1MiB' } },
    disturb: async (world, run) => {
      await delay(500);
      fillDisk(world, 0);
      await seconds(run, { short: 2, full: 5 });
      rmSync(join(world.data, 'filler'));
    },
    happened: ({ exits }) => exits[0]?.code === 1,
  },
  {
    name: 'journal torn',
    short: true,
    disturb: async (world) => {
      await delay(1_000);
      await world.kill();
      appendFileSync(newestSegment(world), Buffer.from([200, 0, 0, 0, 1, 2, 3]));
      await world.revive();
    },
    happened: hasLogged('the journal ended in half a record'),
  },
  { name: 'journal with flipped bits', short: true, disturb: flipBits, happened: hasLogged('the journal is damaged') },
  {
    name: 'checkpoints damaged',
    short: true,
    count: { short: 8_000, full: 30_000 },
    disturb: damageCheckpoints,
    happened: hasLogged('folding the journal from its start'),
  },
  {
    name: 'clock jumps',
    always: ['clock jumps'],
    count: { short: 12_000, full: 30_000 },
    happened: async (world) => ((await world.engine().metrics()).weir_clock_steps_total ?? 0) > 1,
  },
  {
    name: 'a tenth sent twice',
    short: true,
    publish: (n, random) => (random() < 0.1 ? [readingOf(n), readingOf(n)] : [readingOf(n)]),
    expect: { repeats: true },
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
    // Mosquitto delivers each reading of one device twice, if it is asked to.
    broker: ['allow_duplicate_messages true'],
    config: { streams: { overlapping: OVERLAPPING } },
    disturb: async (world) => {
      await delay(500);
      await world.restart();
      world.links.mqtt.cut();
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
    disturb: killedAround((world) => world.restartClickHouse()),
    happened: ({ exits }) => exits.length === 1,
  },
  {
    name: 'field added in between',
    short: true,
    first: ['no checkpoint'],
    disturb: killedAround((world) =>
      world.reconfigure({
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
    disturb: async (world, run) => {
      await seconds(run, { short: 1, full: 5 });
      await world.restart();
    },
    happened: async (world) => (await truncated(world)).length > 0,
  },
  {
    ...POISON,
    name: 'poison event refused',
    disturb: async (world, run) => {
      await seconds(run, { short: 1, full: 5 });
      await untilTruncated(world);
      await world.stopNats();
      await world.startNats({ config: `max_payload: ${SMALL_PAYLOAD}` });
      await seconds(run, { short: 1, full: 5 });
      await world.restart();
    },
    happened: async (world) => {
      const sizes = (await truncated(world)).map(({ body }) => JSON.stringify(body).length);
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
      ...(n < strangersFrom
        ? []
        : Array.from({ length: STRANGERS_EACH }, (_, i) => strangeReading((n - strangersFrom) * STRANGERS_EACH + i))),
    ],
    strangers: (count) => (count - strangersFrom) * STRANGERS_EACH,
    disturb: async (world, run) => {
      await seconds(run, { short: 2, full: 20 });
      await world.restart();
    },
    // The one that we ended, and none that ran out of memory.
    happened: (world) => world.exits.length === 1 && hasLogged('there is no room for more devices or keys')(world),
  },
  { name: 'flood', count: { short: 20_000, full: 600_000 }, perSecond: 1_000_000, merges: true },
];
