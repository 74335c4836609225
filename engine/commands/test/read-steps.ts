import { suggest } from '../../document/suggest.ts';
import type { MarkName } from '../../model/record.ts';
import type { CaseAction, ReportStepFault, StreamRef } from './case-action.ts';
import type { Case, CaseStep } from './case-file.ts';
import { type CompiledCase, statusTopic } from './compile-case.ts';
import { parseInstant } from './instants.ts';
import { readReadings } from './read-readings.ts';

/** Keys that identify the kind of a step, each with the other keys of this kind. */
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

/** The actions of the steps of a case, in the order of the file. Reports the faults of each step. */
export function readSteps(
  testCase: Case,
  compiled: CompiledCase,
  startAt: number,
  report: (i: number) => ReportStepFault,
): CaseAction[] {
  return testCase.readings.flatMap((step, i) => readStep(step, compiled, startAt, report(i)));
}

function readStep(step: CaseStep, compiled: CompiledCase, startAt: number, report: ReportStepFault): CaseAction[] {
  const form = Object.keys(FORMS).find((key) => Object.hasOwn(step, key));
  if (form !== undefined) {
    for (const key of Object.keys(step)) {
      if (key === form || FORMS[form]!.includes(key)) continue;
      const message = `\`${key}\` cannot be combined with \`${form}\` in one step.`;
      const remedy = `Make it a step of its own; a field named \`${form}\` goes into "fields".`;
      report(key, { code: 'exclusive-keys', message, remedy }, 'key');
    }
  }
  if (form === 'tick') return [{ kind: 'tick', at: parseInstant(String(step.tick)) }];
  if (form === 'attributes') return attributesOf(step);
  const stream = findStream(step, compiled, report);
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

function attributesOf({ attributes, at = '0s' }: CaseStep): CaseAction[] {
  return Object.entries(attributes as Readonly<Record<string, object | null>>).map(([device, value]) => {
    const text = value === null ? undefined : JSON.stringify(value);
    return { kind: 'attributes', at: parseInstant(String(at)), device, text };
  });
}

function findStream(step: CaseStep, { streams, rules }: CompiledCase, report: ReportStepFault): StreamRef | undefined {
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
