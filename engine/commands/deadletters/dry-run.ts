import { createDecoder } from '../../decode/decode.ts';
import type { Config } from '../../model/config.ts';
import type { Rejected } from '../../model/item/decoded.ts';
import type { Item } from '../../model/item/item.ts';
import type { Reading } from '../../model/reading.ts';
import { createCounters } from '../../telemetry.ts';
import type { DeadLetter, DeadLetterFault } from './dead-letter.ts';

/**
 * How a config decodes a dead letter: `ready` if it has readings and at least one of its faults is gone, `fails` if not, `nothing` if it has
 * nothing to redrive with any config.
 */
export type DryRun =
  | {
      readonly kind: 'ready';
      /** Index of the broker that the message may have come from. */
      readonly connection: number;
      readonly readings: readonly Reading[];
      /** Remaining faults of other readings in the message. */
      readonly faults: readonly Rejected[];
    }
  | { readonly kind: 'fails'; readonly readings: readonly Reading[]; readonly faults: readonly Rejected[] }
  | { readonly kind: 'nothing'; readonly why: string };

interface Attempt {
  readonly connection: number;
  readonly readings: readonly Reading[];
  readonly faults: readonly Rejected[];
}

/** Creates a function that decodes dead letters, with their payloads, as the engine would. `now` returns milliseconds since the epoch. */
export function createDryRun({ streams, mqtt, maxAheadMs }: Config, now: () => number): (letter: DeadLetter) => DryRun {
  const brokers = mqtt.map(({ name }) => name);
  const decode = createDecoder({ streams, brokers, maxAheadMs, counters: createCounters() });
  const isStream = (name: string) => streams.some((stream) => stream.name === name);

  const attempt = ({ topic, payload, at }: DeadLetter, connection: number): Attempt => {
    const items: Item[] = [];
    const delivery = { qos: 1, retain: false, dup: false, packetId: 0, redriven: true } as const;
    decode({ kind: 'message', offset: 0, at, connection, topic, payload, ...delivery }, items, undefined, now());
    return {
      connection,
      readings: items.filter((item) => item.kind === 'reading'),
      faults: items.filter((item) => item.kind === 'rejected'),
    };
  };

  return (letter) => {
    if (letter.faults.some(({ reason }) => reason === 'undeliverable')) {
      return { kind: 'nothing', why: 'it is an event that NATS refused, not a message of a device' };
    }
    const faults = letter.faults.filter(({ reason, stream }) => reason !== 'refused' || isStream(stream));
    if (faults.length === 0) {
      const table = letter.faults[0]!.stream;
      return {
        kind: 'nothing',
        why: `ClickHouse refused a row of the table ${table}, which belongs to no stream of the config`,
      };
    }
    const chosen = choose(
      brokers.map((_, connection) => attempt(letter, connection)),
      faults.map(({ stream }) => streams.findIndex(({ name }) => name === stream)),
    );
    if (chosen === undefined) {
      const why =
        'its topic belongs to different streams of different brokers, and the dead letter does not contain its broker';
      return { kind: 'nothing', why };
    }
    if (chosen.readings.length === 0 && chosen.faults.length === 0) {
      return { kind: 'nothing', why: 'it has no reading: a status message is only valid at its own time' };
    }
    const isReady = chosen.readings.length > 0 && faults.some((fault) => isGone(fault, chosen.faults));
    return { kind: isReady ? 'ready' : 'fails', ...chosen };
  };
}

/** The attempt of the most likely broker: one with readings of a stream of the dead letter, or else of the only possible stream. Undefined if there are several. */
function choose(attempts: readonly Attempt[], streams: readonly number[]): Attempt | undefined {
  const isOfLetter = ({ readings, faults }: Attempt) =>
    [...readings, ...faults].some(({ stream }) => stream >= 0 && streams.includes(stream));
  const able = attempts.filter(({ readings }) => readings.length > 0);
  const own = able.find(isOfLetter);
  if (own !== undefined) return own;
  if (new Set(able.map(({ readings }) => readings[0]!.stream)).size > 1) return undefined;
  return able[0] ?? attempts.find(isOfLetter) ?? attempts[0];
}

function isGone({ reason, detail }: DeadLetterFault, faults: readonly Rejected[]): boolean {
  return !faults.some((fault) => fault.reason === reason && fault.detail === detail);
}
