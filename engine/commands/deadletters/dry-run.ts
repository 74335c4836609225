import { createDecoder } from '../../decode/decode.ts';
import type { Config } from '../../model/config.ts';
import type { Rejected } from '../../model/item/decoded.ts';
import type { Item } from '../../model/item/item.ts';
import type { Reading } from '../../model/reading.ts';
import { createCounters } from '../../telemetry.ts';
import type { DeadLetter, DeadLetterFault } from './dead-letter.ts';

/**
 * What a config makes of a dead letter now: it is `ready` where it has readings and a fault is gone; it still `fails`; or to redrive it
 * would come to nothing, whatever the config says.
 */
export type DryRun =
  | {
      readonly kind: 'ready';
      /** Index of the broker that it may have come by. */
      readonly connection: number;
      readonly readings: readonly Reading[];
      /** Of other readings in the message. */
      readonly faults: readonly Rejected[];
    }
  | { readonly kind: 'fails'; readonly readings: readonly Reading[]; readonly faults: readonly Rejected[] }
  | { readonly kind: 'nothing'; readonly why: string };

interface Attempt {
  readonly connection: number;
  readonly readings: readonly Reading[];
  readonly faults: readonly Rejected[];
}

/** Makes what tries letters, with the decoder of the engine. A letter's payload must be there. `now` is in milliseconds since the epoch. */
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
        why: `what ClickHouse refused is a row of ${table}, which no stream of the config fills`,
      };
    }
    const chosen = choose(
      brokers.map((_, connection) => attempt(letter, connection)),
      faults.map(({ stream }) => streams.findIndex(({ name }) => name === stream)),
    );
    if (chosen === undefined) {
      const why =
        'its topic belongs to different streams by different brokers, and the letter does not tell by which it came';
      return { kind: 'nothing', why };
    }
    if (chosen.readings.length === 0 && chosen.faults.length === 0) {
      return { kind: 'nothing', why: 'it holds no reading: a status speaks of its own time alone' };
    }
    const isReady = chosen.readings.length > 0 && faults.some((fault) => isGone(fault, chosen.faults));
    return { kind: isReady ? 'ready' : 'fails', ...chosen };
  };
}

/** The broker by which a message becomes readings, of the streams of its letter where there are such; undefined where it may be of several. */
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
