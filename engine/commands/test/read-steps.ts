import { suggest } from '../../document/suggest.ts';
import type { MarkName } from '../../model/record.ts';
import type { Case, CaseStep } from './case-file.ts';
import { parseInstant } from './instants.ts';
import { readReadings } from './read-readings.ts';
import { type Stage, statusTopic } from './stage.ts';
import type { Found, Happening, StepReport } from './steps.ts';

/** Keys that tell what kind of step it is, each with those that may stand beside it. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  tick: [],
  offline: ['at', 'stream'],
  online: ['at', 'stream'],
  broker: ['at'],
  weir: ['at'],
  clock: ['at'],
  attributes: ['at'],
};

const BROKER_MARKS: Readonly<Record<string, MarkName>> = {
  lost: 'disconnected',
  back: 'connected',
  'session-lost': 'session-lost',
};

/** What the steps of a case make happen, in the order listed; notes faults by step. */
export function readSteps(of: Case, stage: Stage, startAt: number, report: (i: number) => StepReport): Happening[] {
  return of.readings.flatMap((step, i) => readStep(step, stage, startAt, report(i)));
}

function readStep(step: CaseStep, stage: Stage, startAt: number, report: StepReport): Happening[] {
  const form = Object.keys(FORMS).find((key) => Object.hasOwn(step, key));
  if (form !== undefined) {
    for (const key of Object.keys(step)) {
      if (key === form || FORMS[form]!.includes(key)) continue;
      const message = `\`${key}\` cannot stand beside \`${form}\`.`;
      const remedy = `Make it a step of its own; a field named \`${form}\` goes into "fields".`;
      report(key, { code: 'exclusive-keys', message, remedy }, 'key');
    }
  }
  if (form === 'tick') return [{ kind: 'tick', at: parseInstant(String(step.tick)) }];
  if (form === 'attributes') return attributesOf(step);
  const stream = findStream(step, stage, report);
  if (stream === undefined) return [];
  if (form === undefined) return readReadings(step, stream, startAt, report);
  const at = parseInstant(String(step.at));
  switch (form) {
    case 'offline':
    case 'online':
      return [{ kind: 'message', at, topic: statusTopic(stream.index, String(step[form])), payload: form }];
    case 'broker':
      return [{ kind: 'mark', at, mark: BROKER_MARKS[String(step.broker)]! }];
    case 'clock':
      return [{ kind: 'clock', at, to: parseInstant(String(step.clock)) }];
    default:
      return [{ kind: step.weir === 'stops' ? 'stops' : 'starts', at }];
  }
}

function attributesOf({ attributes, at = '0s' }: CaseStep): Happening[] {
  return Object.entries(attributes as Readonly<Record<string, object | null>>).map(([device, value]) => {
    const text = value === null ? undefined : JSON.stringify(value);
    return { kind: 'attributes', at: parseInstant(String(at)), device, text };
  });
}

function findStream(step: CaseStep, { streams, rules }: Stage, report: StepReport): Found | undefined {
  const name = String(step.stream ?? rules[0]?.stream);
  const index = streams.findIndex((stream) => stream.name === name);
  const config = streams[index];
  if (config !== undefined) return { config, index };
  const names = streams.map((stream) => stream.name);
  const close = suggest(name, names);
  const remedy = close === undefined ? `There are: ${names.join(', ')}.` : `Did you mean "${close}"?`;
  report('stream', { code: 'unknown-stream', message: `There is no stream "${name}".`, remedy });
  return undefined;
}
