import { createSimulator, type SimulatorOptions } from '../../engine/simulator/simulator.ts';
import type { SimulatedMessage } from '../../engine/simulator/tally.ts';

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

/** The messages of the first seconds of a simulation, in the order of sending. */
export function collect(options: SimulatorOptions, seconds: number): SimulatedMessage[] {
  const simulator = createSimulator(options);
  const messages: SimulatedMessage[] = [];
  for (;;) {
    const message = simulator.next();
    if (message.at >= options.startAt + seconds * 1000) return messages;
    messages.push(message);
  }
}

export function parse(message: SimulatedMessage): Parsed {
  return JSON.parse(message.payload as string) as Parsed;
}

/** Whether an ordinary receiver would accept the payload as a reading. */
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

/** All bytes of a sequence as one string, for comparisons. */
export function fingerprint(messages: readonly SimulatedMessage[]): string {
  return JSON.stringify(messages.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('latin1') })));
}
