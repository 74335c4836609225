import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import type { FormulaPlan } from '../../model/plan/rule-plan.ts';
import type { Calculation, RuleFile } from '../../model/rule.ts';
import { compileCalculation, type Formula, isCalculation, type OperandLookup } from '../calculations/arithmetic.ts';
import { definitionsOf, type Scope } from './scope.ts';

/** An environment with calculated facts. */
interface Calculating {
  computed?: readonly (number | undefined)[];
}

/** The calculated facts of a rule, each after those that it uses, and a scope that contains them too. */
export interface Formulas<E> {
  readonly scope: Scope<E>;
  readonly formulas: readonly FormulaPlan<E>[];
}

/**
 * Compiles the calculations of a rule. They may use the names of a scope and each other, in any order. `missing` explains a name that
 * exists but cannot be used in a calculation. Reports operands that do not exist or are not numbers, and circles.
 */
export function planFormulas<E extends Calculating>(
  facts: RuleFile['facts'],
  base: Scope<E>,
  report: Report,
  missing: (name: string) => { readonly message: string; readonly remedy: string } | undefined,
): Formulas<E> {
  const specs = new Map(
    Object.entries(facts ?? {}).filter((entry): entry is [string, Calculation] => isCalculation(entry[1])),
  );
  const names = [...base.names.filter((name) => !specs.has(name)), ...specs.keys()];
  const places = new Map<string, number>();
  const formulas: Formula<E>[] = [];
  const trail: string[] = [];
  const read = (name: string) => {
    const place = places.get(name);
    return (env: E) => env.computed?.[place ?? -1];
  };

  const lookUp: OperandLookup<E> = (name, path) => {
    if (specs.has(name)) {
      if (trail.includes(name)) return reportCircle([...trail.slice(trail.indexOf(name)), name], path, report);
      place(name);
      return read(name);
    }
    const get = base.resolve(name);
    if (get === undefined) return reportUnknown(name, names, path, report, missing(name));
    const type = base.typeOf(name);
    return type === undefined || type === 'number' ? get : reportType(name, type, path, report);
  };
  const place = (name: string): void => {
    if (places.has(name)) return;
    trail.push(name);
    const formula = compileCalculation(specs.get(name)!, ['facts', name], lookUp);
    trail.pop();
    // If there is no formula, a fault has been reported, and the rule does not run.
    places.set(name, formulas.push(formula ?? (() => undefined)) - 1);
  };
  for (const name of specs.keys()) place(name);

  const scope: Scope<E> = {
    ...definitionsOf(base),
    names,
    resolve: (name) => (specs.has(name) ? read(name) : base.resolve(name)),
    typeOf: (name) => (specs.has(name) ? 'number' : base.typeOf(name)),
  };
  return { scope, formulas };
}

function reportCircle(circle: readonly string[], path: Path, report: Report): undefined {
  const message = `These facts are calculated from each other in a circle: ${circle.join(' → ')}.`;
  report(path, { code: 'circular-fact', message, remedy: 'Calculate one of them only from fields or other facts.' });
}

function reportUnknown(
  name: string,
  names: readonly string[],
  path: Path,
  report: Report,
  explained: { readonly message: string; readonly remedy: string } | undefined,
): undefined {
  const close = suggest(name, names);
  const remedy = close === undefined ? `Known names: ${names.join(', ')}.` : `Did you mean "${close}"?`;
  const message = `The calculation uses "${name}", but there is no such field or fact.`;
  report(path, { code: 'unknown-fact', ...(explained ?? { message, remedy }) });
}

function reportType(name: string, type: string, path: Path, report: Report): undefined {
  const message = `The calculation uses "${name}", which is a ${type}.`;
  report(path, { code: 'wrong-type', message, remedy: 'Use numbers in calculations, and other values in conditions.' });
}
