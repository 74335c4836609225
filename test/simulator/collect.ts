import { createSimulator, type SimulatorOptions } from '../../engine/simulator/simulator.ts';
import type { PublishedCounts } from '../../engine/simulator/tally.ts';

/** A reading as a subscriber parses it. */
export interface Parsed {
  readonly device_id: string;
  readonly temp: number;
  readonly humidity: number;
  readonly battery: number;
  readonly ts: number;
}

export const START = 1_700_000_000_000;

export const FLEET: SimulatorOptions = { devices: 10, everyMs: 5_000, seed: 1, startAt: START, faults: [] };

/** The messages of the first seconds of a simulation, by the time of sending. */
export function collect(options: SimulatorOptions, seconds: number): PublishedCounts[] {
  const simulator = createSimulator(options);
  const messages: PublishedCounts[] = [];
  for (;;) {
    const message = simulator.next();
    if (message.at >= options.startAt + seconds * 1000) return messages;
    messages.push(message);
  }
}

export function parse(message: PublishedCounts): Parsed {
  return JSON.parse(message.payload as string) as Parsed;
}

/** Whether an ordinary reader would take the payload for a reading. */
export function isReading(payload: string | Uint8Array): boolean {
  try {
    const text = typeof payload === 'string' ? payload : new TextDecoder('utf-8', { fatal: true }).decode(payload);
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'temp' in value && typeof value.temp === 'number';
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return false;
    throw error;
  }
}

/** Bytes of a sequence in one string, to compare it with another. */
export function fingerprint(messages: readonly PublishedCounts[]): string {
  return JSON.stringify(messages.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('latin1') })));
}
