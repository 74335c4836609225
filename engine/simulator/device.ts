import type { Random } from './random.ts';

/** A simulated healthy device: its constant properties, drawn once, and the state of its random walks. */
export interface Device {
  readonly id: string;
  readonly site: string;
  readonly topic: string;
  readonly statusTopic: string;
  readonly random: Random;
  readonly baseTemp: number;
  readonly baseHumidity: number;
  readonly dailyPhase: number;
  readonly startBattery: number;
  readonly drainPerHour: number;
  tempWander: number;
  humidityWander: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const SITES = 4;
/** Share of devices that start with a low battery. */
const LOW_BATTERY_SHARE = 0.2;

/** The id of the device at an index from 0: `dev-0001`, `dev-0002`, … */
export function deviceId(index: number): string {
  return `dev-${String(index + 1).padStart(4, '0')}`;
}

/** The site of the device at an index: `site-a` to `site-d`, in turn. */
function siteOf(index: number): string {
  return `site-${'abcd'[index % SITES]}`;
}

/** Replaces `{site}` and `{device}` in a topic template. */
export function fillTopic(template: string, site: string, device: string): string {
  return template.replaceAll('{site}', site).replaceAll('{device}', device);
}

/** The topic of a device's `online` and `offline` messages: its data topic with `status` as the last level. */
function statusTopicOf(topic: string): string {
  const lastLevel = topic.lastIndexOf('/');
  return lastLevel < 0 ? `${topic}/status` : `${topic.slice(0, lastLevel)}/status`;
}

/** Creates the device at an index and draws its properties. The topic template may contain `{site}` and `{device}`. */
export function createDevice(index: number, template: string, random: Random): Device {
  const id = deviceId(index);
  const site = siteOf(index);
  const topic = fillTopic(template, site, id);
  const low = random.next() < LOW_BATTERY_SHARE;
  const charge = random.next();
  return {
    id,
    site,
    topic,
    statusTopic: statusTopicOf(topic),
    random,
    baseTemp: random.between(22, 38),
    baseHumidity: random.between(40, 60),
    dailyPhase: random.next(),
    startBattery: low ? 3 + 17 * charge : 40 + 60 * charge,
    drainPerHour: random.between(0.05, 0.5),
    tempWander: random.bell() * 0.25,
    humidityWander: random.bell(),
  };
}

/** The measured values of a healthy device. */
export interface Measurement {
  /** Temperature in °C, within 2 °C of the device's base of 22–38 °C, so that a healthy device never looks overheated. */
  temp: number;
  /** Relative humidity in percent, 30–70. */
  humidity: number;
  /** Battery charge in percent, 0–100; it only falls. */
  battery: number;
}

/** Advances a device's random walks by one reading and writes the measured values to `into`. Each call draws the same number of random values. */
export function measure(device: Device, elapsedMs: number, at: number, into: Measurement): void {
  const { random } = device;
  device.tempWander = clamp(device.tempWander * 0.95 + random.bell() * 0.08, 0.8);
  device.humidityWander = clamp(device.humidityWander * 0.97 + random.bell() * 0.35, 9);
  const daily = 1.1 * Math.sin(2 * Math.PI * (at / DAY_MS + device.dailyPhase));
  into.temp = device.baseTemp + daily + device.tempWander;
  into.humidity = device.baseHumidity - daily * 0.8 + device.humidityWander;
  into.battery = Math.max(0, device.startBattery - (device.drainPerHour * elapsedMs) / HOUR_MS);
}

function clamp(value: number, bound: number): number {
  return Math.max(-bound, Math.min(bound, value));
}
