import { suggest } from '../../document/suggest.ts';
import type { CaseAction, ReportStepFault, StreamRef } from './case-action.ts';
import type { CaseStep } from './case-file.ts';
import { dataTopic } from './compile-case.ts';
import { parseInstant } from './instants.ts';

/** Default device of a reading. */
export const DEFAULT_DEVICE = 'd1';

/** Default value of a label. */
export function defaultLabel(name: string): string {
  return `${name}1`;
}

const OWN_KEYS = ['at', 'received', 'device', 'stream', 'fields', 'every', 'times'];

/** The readings of a step: one, or several at equal distances. */
export function readReadings(
  step: CaseStep,
  { config, index }: StreamRef,
  startAt: number,
  report: ReportStepFault,
): CaseAction[] {
  const inline = Object.entries(step).filter(([key]) => !OWN_KEYS.includes(key));
  const values = new Map([...inline, ...Object.entries((step.fields ?? {}) as CaseStep)]);
  const names = [...config.fields, ...config.labels].map(({ name }) => name);
  for (const name of values.keys()) {
    if (names.includes(name)) continue;
    const close = suggest(name, [...names, ...OWN_KEYS]);
    const remedy = close === undefined ? `It has: ${names.join(', ')}.` : `Did you mean "${close}"?`;
    const message = `Stream "${config.name}" has no field or label "${name}".`;
    report(name, { code: 'unknown-field', message, remedy }, 'key');
  }
  const everyMs = step.every === undefined ? 0 : parseInstant(String(step.every));
  const first = parseInstant(String(step.at));
  return Array.from({ length: countReadings(step, values, report) }, (_, i): CaseAction => {
    const stampedAt = first + i * everyMs;
    const payload = {
      device: pick(step.device ?? DEFAULT_DEVICE, i),
      time: startAt + stampedAt,
      labels: config.labels.map(({ name }) => pick(values.has(name) ? values.get(name) : defaultLabel(name), i)),
      fields: config.fields.map(({ name }) => pick(values.get(name) ?? null, i)),
    };
    const at = arrivalOf(step.received, stampedAt);
    return { kind: 'message', at, topic: dataTopic(index), payload: JSON.stringify(payload) };
  });
}

/** Number of readings of a step: the length of its lists, or `times`. */
function countReadings(step: CaseStep, values: ReadonlyMap<string, unknown>, report: ReportStepFault): number {
  const lists = [...values, ['device', step.device] as const].filter(([, value]) => Array.isArray(value));
  const lengths = new Set(lists.map(([, value]) => (value as readonly unknown[]).length));
  if (typeof step.times === 'number') lengths.add(step.times);
  if (lengths.size <= 1) return [...lengths][0] ?? 1;
  const message = 'The lists of this step differ in length, or differ from `times`.';
  report(lists[0]?.[0] ?? 'times', { code: 'bad-value', message, remedy: 'Give each reading one value of each.' });
  return 0;
}

function pick(value: unknown, i: number): unknown {
  if (Array.isArray(value)) return value[i];
  if (typeof value !== 'object' || value === null) return value;
  const { from, by } = value as { from: number; by: number };
  return from + i * by;
}

function arrivalOf(received: unknown, stampedAt: number): number {
  if (typeof received !== 'string') return stampedAt;
  return received.startsWith('+') ? stampedAt + parseInstant(received.slice(1)) : parseInstant(received);
}
