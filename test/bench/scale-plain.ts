import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalRecord, MessageRecord } from '../../engine/model/record.ts';
import { LIMIT, type ScaleEngine, SILENCE_MS, WINDOW_MS } from './scale-engine.ts';

interface Window {
  endsAt: number;
  count: number;
  sum: number;
}

interface Device {
  readonly name: string;
  readonly site: string;
  seenAt: number;
  isSilent: boolean;
  isHot: boolean;
  window: Window | undefined;
}

/** The text of this many devices is written at once. */
const CHUNK = 4_096;

/**
 * The baseline of the benchmark `scale`: what a program without an engine would keep, an object for each device with the facts of the four
 * rules. Each tick looks at all devices, and each checkpoint writes all of them to `folder`.
 */
export function createPlainEngine(folder: string): ScaleEngine {
  const devices = new Map<string, Device>();
  const sites = new Map<string, Window>();
  let windowsClosed = 0;
  let events = 0;
  let lastEvent = '';

  const publish = (type: string, key: string, at: number, seenAt: number): void => {
    lastEvent = JSON.stringify({ id: events, type, key, at, seenAt, message: `${key} is ${type}` });
    if (lastEvent.length > 0) events += 1;
  };
  const close = ({ count, sum }: Window, key: string, at: number): void => {
    windowsClosed += 1;
    if (sum / count > LIMIT) publish('hot', key, at, at);
  };
  const takeMessage = ({ topic, payload, at }: MessageRecord): void => {
    const [, site, name] = topic.split('/') as [string, string, string];
    const { ts, temp } = JSON.parse((payload as Buffer).toString()) as { ts: number; temp: number };
    let device = devices.get(name);
    if (device === undefined) {
      device = { name, site, seenAt: at, isSilent: false, isHot: false, window: undefined };
      devices.set(name, device);
      publish('online', name, at, at);
    }
    device.seenAt = at;
    device.isSilent = false;
    if (temp > LIMIT && !device.isHot) publish('hot', name, at, at);
    device.isHot = temp > LIMIT;
    device.window = added(device.window, ts, temp);
    sites.set(site, added(sites.get(site), ts, temp));
  };
  const takeTick = (at: number): void => {
    for (const device of devices.values()) {
      if (device.window !== undefined && device.window.endsAt <= at) {
        close(device.window, device.name, at);
        device.window = undefined;
      }
      if (device.isSilent || at - device.seenAt < SILENCE_MS) continue;
      device.isSilent = true;
      publish('offline', device.name, at, device.seenAt);
      publish('silent', device.name, at, device.seenAt);
    }
    for (const [site, window] of sites) {
      if (window.endsAt > at) continue;
      close(window, site, at);
      sites.delete(site);
    }
  };

  return {
    feed(records: readonly JournalRecord[]) {
      for (const record of records) {
        if (record.kind === 'message') takeMessage(record);
        else if (record.kind === 'tick') takeTick(record.at);
      }
    },
    work: () => false,
    checkpoint: () => ({
      step: () => writeAll(join(folder, 'plain.jsonl'), textsOf(devices, sites)),
    }),
    get devices() {
      return devices.size;
    },
    get windowsClosed() {
      return windowsClosed;
    },
    get events() {
      return events;
    },
  };
}

function added(window: Window | undefined, at: number, value: number): Window {
  if (window === undefined) return { endsAt: at - (at % WINDOW_MS) + WINDOW_MS, count: 1, sum: value };
  window.count += 1;
  window.sum += value;
  return window;
}

function textsOf(devices: ReadonlyMap<string, Device>, sites: ReadonlyMap<string, Window>): Buffer[] {
  const texts = [Buffer.from(JSON.stringify([...sites]))];
  let lines: string[] = [];
  for (const device of devices.values()) {
    if (lines.push(JSON.stringify(device)) < CHUNK) continue;
    texts.push(Buffer.from(lines.join('\n')));
    lines = [];
  }
  texts.push(Buffer.from(lines.join('\n')));
  return texts;
}

async function writeAll(path: string, texts: readonly Buffer[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const text of texts) await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
