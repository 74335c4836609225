import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { WindowAggregate } from '../../model/plan/window-plan.ts';
import type { Reading } from '../../model/reading.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import { compileCondition } from '../conditions/conditions.ts';
import { resultOf } from '../conditions/logic.ts';
import { type AggregateFact, aggregateFacts } from './aggregate-facts.ts';
import type { Scope } from './scope.ts';

type AggregateInput = Omit<WindowAggregate, 'aggregate'>;

/** Plans the aggregates of a rule. Reports fields that do not exist or have the wrong type, and faults in conditions. */
export function planAggregates(
  rule: RuleFile,
  stream: StreamConfig,
  scope: Scope<Reading>,
  report: Report,
): readonly WindowAggregate[] {
  return aggregateFacts(rule.facts).map((fact): WindowAggregate => {
    const path = ['facts', fact.name, fact.aggregate];
    return { aggregate: fact.kind.create(fact.params), ...planInput(fact, path, stream, scope, report) };
  });
}

function planInput(
  fact: AggregateFact,
  path: Path,
  stream: StreamConfig,
  scope: Scope<Reading>,
  report: Report,
): AggregateInput {
  if (fact.of === true) return { field: -1, read: undefined };
  if (fact.kind.source === 'condition') return planConditionInput(fact.of as TopCondition, path, scope, report);
  const name = fact.of as string;
  const field = stream.fields.findIndex((known) => known.name === name);
  if (field < 0 && fact.kind.source === 'name') return planNameInput(name, path, stream.name, scope, report);
  const known = stream.fields[field];
  if (known === undefined) {
    const names = stream.fields.map((each) => each.name);
    reportUnknown(name, `Stream "${stream.name}" has no field "${name}".`, 'Its fields are', names, path, report);
  } else if (!fact.kind.accepts.includes(known.type)) {
    report(path, {
      code: 'wrong-type',
      message: `"${fact.aggregate}" cannot be used with "${name}", which is a ${known.type}.`,
      remedy: `Use a field of type ${fact.kind.accepts.filter((type) => type !== 'none').join(' or ')}.`,
    });
  }
  return { field, read: undefined };
}

/** Plans the input of an aggregate over a label or over `device`. */
function planNameInput(
  name: string,
  path: Path,
  stream: string,
  scope: Scope<Reading>,
  report: Report,
): AggregateInput {
  const read = scope.resolve(name);
  if (read === undefined) {
    const message = `Stream "${stream}" has no field or label "${name}".`;
    reportUnknown(name, message, 'It has', scope.names, path, report);
  }
  return { field: -1, read };
}

function planConditionInput(
  condition: TopCondition,
  path: Path,
  scope: Scope<Reading>,
  report: Report,
): AggregateInput {
  const { compiled, problems } = compileCondition(condition, scope);
  for (const { path: inside, ...problem } of problems) report([...path, ...inside], problem);
  return { field: -1, read: compiled && resultOf(compiled) };
}

function reportUnknown(
  name: string,
  message: string,
  known: string,
  names: readonly string[],
  path: Path,
  report: Report,
): void {
  const close = suggest(name, names);
  const remedy = close === undefined ? `${known}: ${names.join(', ')}.` : `Did you mean "${close}"?`;
  report(path, { code: 'unknown-field', message, remedy });
}
