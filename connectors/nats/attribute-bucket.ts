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
const DESCRIPTION = 'Attributes of devices, which rules of Weir look at.';

/**
 * The attributes in a KV bucket, which is made where it is missing: an entry for each device, its key the device's id (encoded as in all
 * keys of Weir), its value a JSON object. All entries are told at first and after each reconnection, changes as they come. Goes on for
 * ever while the server is away.
 */
export function createKvAttributes({ bucket, ...login }: KvAttributesOptions): AttributeSource {
  const ending = new AbortController();
  let link: NatsLink | undefined;
  let entries: QueuedIterator<KvEntry> | undefined;
  let running: Promise<void> | undefined;
  let reason: string | undefined = 'The bucket of attributes has not been read yet.';

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
        // What was missed meanwhile is not told again: everything is read anew.
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

/** Hands entries on: those from before `begin` all at once. */
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
        const remedy = `That of the device ${JSON.stringify(entry.key)} is ${kvToken(entry.key)}.`;
        return handler.faulty([`${bucket}/${entry.key}: The key is not that of a device. ${remedy}`]);
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
