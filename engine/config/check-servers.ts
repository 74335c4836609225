import type { Path } from '../document/document.ts';
import { formatPath } from '../document/fault.ts';
import { parseBytes } from '../model/bytes.ts';
import { checkFilter } from '../model/topic.ts';
import { checkLogin, checkTlsUsed, checkUrl, type UrlKind, warnLiteral } from './check-urls.ts';
import type { BrokerEntry } from './config-file.ts';
import { DEFAULTS } from './defaults.ts';
import { checkBytes, checkDuration, type Inspection } from './inspection.ts';

const login = '`username` and `password`';
const MQTT: UrlKind = { schemes: ['mqtt', 'mqtts'], example: '"mqtt://host:1883" or "mqtts://host:8883"', login };
const NATS: UrlKind = {
  schemes: ['nats', 'tls'],
  example: '"nats://host:4222" or "tls://host:4222"',
  login: `${login}, or \`token\`,`,
};
const CLICKHOUSE: UrlKind = { schemes: ['http', 'https'], example: '"http://host:8123" or "https://host:8443"', login };

/** Lists the brokers of the file, each with its path; none if `mqtt` itself has a fault. */
export function listBrokers({ file, isPresent }: Inspection): { entry: BrokerEntry; path: Path }[] {
  if (!isPresent(['mqtt'])) return [];
  const { mqtt } = file;
  const all = Array.isArray(mqtt)
    ? (mqtt as readonly BrokerEntry[]).map((entry, index) => ({ entry, path: ['mqtt', index] }))
    : [{ entry: mqtt as BrokerEntry, path: ['mqtt'] }];
  return all.filter(({ path }) => isPresent(path));
}

/** Checks what the schema cannot express about brokers, NATS, ClickHouse, the journal and `maxAhead`. */
export function checkServers(inspection: Inspection): void {
  const brokers = listBrokers(inspection);
  for (const { entry, path } of brokers) checkBroker(inspection, entry, path);
  checkBrokersDiffer(inspection, brokers);
  checkNats(inspection);
  checkClickHouse(inspection);
  checkBytes(inspection, ['journal', 'maxBytes'], inspection.file.journal?.maxBytes, { min: '16MiB', max: '1000GiB' });
  checkBytes(inspection, ['journal', 'minFree'], inspection.file.journal?.minFree, { min: '1MiB', max: '1000GiB' });
  checkDuration(inspection, ['maxAhead'], inspection.file.maxAhead, { min: '1s', max: '365d' });
}

function checkBroker(inspection: Inspection, entry: BrokerEntry, path: Path): void {
  const { isSound, isPresent, faults } = inspection;
  checkUrl(inspection, [...path, 'url'], entry.url, MQTT);
  checkLogin(inspection, path, entry);
  if (isSound([...path, 'url'])) checkTlsUsed(inspection, path, entry.url, entry.tls, MQTT);
  checkDuration(inspection, [...path, 'keepalive'], entry.keepalive, { min: '1s', max: '65535s' }, true);
  checkDuration(inspection, [...path, 'sessionExpiry'], entry.sessionExpiry, { min: '1s', max: '9999d' }, true);
  const statusPath = [...path, 'statusTopic'];
  if (entry.statusTopic !== undefined && isSound(statusPath) && /[+#{}\0]/.test(entry.statusTopic)) {
    const message = `${formatPath(statusPath)} must be a topic without wildcards and placeholders, because Weir publishes to it.`;
    faults.push({ code: 'bad-topic', path: statusPath, message, remedy: 'Write it like "weir/plant/status".' });
  }
  if (!isPresent([...path, 'subscribe'])) return;
  for (const [index, one] of (entry.subscribe ?? []).entries()) {
    const place = [...path, 'subscribe', index];
    const fault = isSound(place) ? checkFilter(typeof one === 'string' ? one : one.filter) : undefined;
    if (fault !== undefined) faults.push({ code: 'bad-topic', path: place, ...fault });
  }
}

function checkBrokersDiffer(
  { faults, isSound }: Inspection,
  brokers: readonly { entry: BrokerEntry; path: Path }[],
): void {
  const names = new Set<string>();
  const clients = new Set<string>();
  for (const { entry, path } of brokers) {
    const { name = DEFAULTS.mqtt.name, clientId = DEFAULTS.mqtt.clientId } = entry;
    if (isSound([...path, 'name'])) {
      const message = `Two brokers have the name \`${name}\`.`;
      const remedy = 'Give each broker a different `name`; streams, logs and metrics use it.';
      if (names.has(name)) faults.push({ code: 'duplicate-name', path: [...path, 'name'], message, remedy });
      names.add(name);
    }
    if (!isSound([...path, 'url']) || !isSound([...path, 'clientId'])) continue;
    const client = `${entry.url.toLowerCase().replace(/\/$/, '')} ${clientId}`;
    if (clients.has(client)) {
      const message = `The client id \`${clientId}\` is used twice at the same broker, so each connection would end the other.`;
      const remedy = 'Give each a different `clientId`, or remove one of the two.';
      faults.push({ code: 'duplicate-client', path: [...path, 'clientId'], message, remedy });
    }
    clients.add(client);
  }
}

function checkNats(inspection: Inspection): void {
  const { file, faults, isPresent } = inspection;
  if (!isPresent(['nats'])) return;
  const { nats } = file;
  if (isPresent(['nats', 'servers'])) {
    if (typeof nats.servers === 'string') checkUrl(inspection, ['nats', 'servers'], nats.servers, NATS);
    else checkServerList(inspection, nats.servers);
  }
  checkLogin(inspection, ['nats'], nats);
  warnLiteral(inspection, ['nats', 'token'], nats.token);
  checkBytes(inspection, ['nats', 'outbox'], nats.outbox, { min: '64KiB', max: '16GiB' });
  const ways = (['username', 'token', 'credentials'] as const).filter((way) => nats[way] !== undefined);
  const second = ways[1];
  if (second === undefined) return;
  const message = `\`nats\` has ${ways.map((way) => `\`${way}\``).join(' and ')}, but only one way to log in is allowed.`;
  faults.push({ code: 'exclusive-keys', path: ['nats', second], which: 'key', message, remedy: 'Keep one of them.' });
}

/** Weir may connect to any server of a cluster, so a server without TLS would receive the password unencrypted. */
function checkServerList(inspection: Inspection, servers: readonly string[]): void {
  for (const [index, url] of servers.entries()) checkUrl(inspection, ['nats', 'servers', index], url, NATS);
  if (!inspection.isSound(['nats', 'servers'])) return;
  const [plain, secure] = NATS.schemes.map((scheme) =>
    servers.findIndex((url) => url.toLowerCase().startsWith(`${scheme}://`)),
  );
  if (plain === undefined || secure === undefined || plain < 0 || secure < 0) return;
  const path = ['nats', 'servers', plain];
  const message = `\`nats.servers\` has both nats:// and tls:// URLs, so only some of the servers would have to use TLS.`;
  const remedy = 'Write all of them with tls://, or all with nats://.';
  inspection.faults.push({ code: 'mixed-tls', path, message, remedy });
}

function checkClickHouse(inspection: Inspection): void {
  const { file, faults, isPresent, isSound } = inspection;
  if (!isPresent(['clickhouse'])) return;
  const { clickhouse } = file;
  checkUrl(inspection, ['clickhouse', 'url'], clickhouse.url, CLICKHOUSE);
  checkLogin(inspection, ['clickhouse'], clickhouse);
  if (isSound(['clickhouse', 'url'])) {
    warnPort(inspection, clickhouse.url);
    checkTlsUsed(inspection, ['clickhouse'], clickhouse.url, clickhouse.tls, CLICKHOUSE);
  }
  checkDuration(inspection, ['clickhouse', 'requestTimeout'], clickhouse.requestTimeout, { min: '100ms', max: '1h' });
  checkBytes(inspection, ['clickhouse', 'queue'], clickhouse.queue, { min: '64KiB', max: '64GiB' });
  if (isPresent(['clickhouse', 'batch'])) {
    const { batch } = clickhouse;
    checkBytes(inspection, ['clickhouse', 'batch', 'bytes'], batch?.bytes, { min: '1KiB', max: '10MB' });
    checkDuration(inspection, ['clickhouse', 'batch', 'age'], batch?.age, { min: '1ms', max: '1h' });
  }
  if (!isSound(['clickhouse', 'queue']) || !isSound(['clickhouse', 'batch'])) return;
  const queue = clickhouse.queue ?? DEFAULTS.clickhouse.queue;
  const batch = clickhouse.batch?.bytes ?? DEFAULTS.clickhouse.batch.bytes;
  if ((parseBytes(queue) ?? 0) >= (parseBytes(batch) ?? 0)) return;
  const message = `A batch of ${batch} does not fit into a queue of ${queue}.`;
  const remedy = 'Set `queue` to several times `batch.bytes`.';
  const path = ['clickhouse', clickhouse.queue === undefined ? 'batch' : 'queue'];
  faults.push({ code: 'out-of-range', path, message, remedy });
}

function warnPort({ faults }: Inspection, url: string): void {
  if (!/^http:\/\/[^/]*$/i.test(url.replace(/\/$/, '')) || /:\d+\/?$/.test(url)) return;
  const message = '`clickhouse.url` has no port, so port 80 is used.';
  const remedy = 'The default port of ClickHouse is 8123: "http://host:8123".';
  faults.push({ code: 'default-port', severity: 'warning', path: ['clickhouse', 'url'], message, remedy });
}
