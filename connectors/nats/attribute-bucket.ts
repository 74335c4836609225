import { setTimeout as pause } from 'node:timers/promises';
import type { KvEntry, QueuedIterator } from 'nats';
import { kvToken, parseKvToken } from '../../engine/delivery/subjects.ts';
import { attributesText } from '../../engine/devices/attribute-entry.ts';
import { readJson } from '../../engine/devices/attribute-json.ts';
import { MAX_ATTRIBUTED_DEVICES } from '../../engine/model/attributes.ts';
import type { AttributeHandler, AttributeSource } from '../../engine/ports.ts';
import { type NatsLink, type NatsLogin, openNatsLink } from './connection.ts';
import { toDeliveryError } from './errors.ts';

export interface KvAttributesOptions extends NatsLogin {
  readonly bucket: string;
}

const ANSWER_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;
const DESCRIPTION = 'Attributes of devices, used by the rules of Weir.';

/**
 * A source that reads attributes from a KV bucket, and creates the bucket if it is missing. Each device has one entry: its key is the
 * device id (encoded as in all keys of Weir), its value a JSON object. All entries are reported at the start and after each reconnection,
 * changes when they arrive. While the server is away, it retries without limit.
 */
export function createKvAttributes({ bucket, ...login }: KvAttributesOptions): AttributeSource {
  const ending = new AbortController();
  let link: NatsLink | undefined;
  let entries: QueuedIterator<KvEntry> | undefined;
  let running: Promise<void> | undefined;
  let reason: string | undefined = 'The attributes bucket has not been read yet.';

  const follow = async (on: NatsLink, handler: AttributeHandler): Promise<void> => {
    const js = on.nc.jetstream({ timeout: ANSWER_TIMEOUT_MS });
    const kv = await on.whileConnected(js.views.kv(bucket, { history: 1, description: DESCRIPTION }));
    const reader = createBucketReader(bucket, handler);
    const initializedFn = () => {
      reason = undefined;
      reader.begin();
    };
    entries = await on.whileConnected(kv.watch({ initializedFn }));
    if (ending.signal.aborted) entries.stop();
    for await (const entry of entries) reader.take(entry);
  };
  const run = async (handler: AttributeHandler): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        // Changes during an outage are not sent again, so everything is read from the start.
        link ??= await openNatsLink(login, () => entries?.stop());
        await follow(link, handler);
      } catch (error) {
        reason = toDeliveryError(error, `reading the bucket ${bucket}`).message;
        await pause(RETRY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
      }
    }
    await link?.close();
  };
  return {
    start(handler) {
      running = run(handler);
    },
    async stop() {
      ending.abort();
      entries?.stop();
      await running;
    },
    status() {
      const problem = link?.outage()?.message ?? reason;
      const name = 'attributes bucket';
      return problem === undefined ? { name, ready: true } : { name, ready: false, reason: problem };
    },
  };
}

/** Passes entries to the handler: those before `begin` all at once, later ones one by one. */
function createBucketReader(bucket: string, handler: AttributeHandler): { take(entry: KvEntry): void; begin(): void } {
  const devices = new Set<string>();
  let first: Map<string, string | undefined> | undefined = new Map();

  const put = (device: string, entry: KvEntry): void => {
    const text = readEntry(device, entry);
    if (typeof text !== 'string') handler.faulty([`${bucket}/${entry.key}: ${text.message} ${text.remedy}`]);
    const known = typeof text === 'string' ? text : undefined;
    if (first !== undefined) first.set(device, known);
    else if (known !== undefined) handler.put(device, known);
  };
  return {
    take(entry) {
      const device = parseKvToken(entry.key);
      if (device === undefined || device === '') {
        const remedy = `For the device ${JSON.stringify(entry.key)}, use the key ${kvToken(entry.key)}.`;
        return handler.faulty([`${bucket}/${entry.key}: The key is not a valid device key. ${remedy}`]);
      }
      if (entry.operation !== 'PUT') {
        devices.delete(device);
        if (first === undefined) handler.removed(device);
        else first.delete(device);
        return;
      }
      if (devices.size >= MAX_ATTRIBUTED_DEVICES && !devices.has(device)) {
        return handler.faulty([`${bucket}/${entry.key}: There are more than ${MAX_ATTRIBUTED_DEVICES} devices.`]);
      }
      devices.add(device);
      put(device, entry);
    },
    begin() {
      if (first === undefined) return;
      const entries = first;
      first = undefined;
      handler.all(entries);
    },
  };
}

function readEntry(device: string, entry: KvEntry): ReturnType<typeof attributesText> {
  const read = readJson(entry.string());
  return 'value' in read ? attributesText(device, read.value) : read.faults[0];
}
