import { countOf, type FaultSpec } from '../../simulator/assignment.ts';
import { FAULT_NAMES, type FaultName } from '../../simulator/faults.ts';

/** Parses the values of `--fault NAME[:SIZE]` for a fleet. Adds one sentence with a remedy to `problems` for each invalid one. */
export function parseFaultArguments(
  texts: readonly string[],
  devices: number,
  problems: string[],
): readonly FaultSpec[] {
  const specs: FaultSpec[] = [];
  for (const text of texts) {
    const [name, amount, ...rest] = text.split(':');
    const size = amount === undefined ? { count: 1 } : parseSize(amount);
    if (!FAULT_NAMES.includes(name as FaultName))
      problems.push(`--fault "${name}" is unknown; choose one of ${FAULT_NAMES.join(', ')}`);
    else if (size === undefined || rest.length > 0) {
      problems.push(
        `--fault "${text}" has no valid number or share; write ${name}:3 for three devices, ${name}:0.1 or ${name}:10% for a tenth of them`,
      );
    } else if (specs.some((spec) => spec.name === name))
      problems.push(`--fault ${name} is given twice; give it once, with the number of devices`);
    else {
      const spec: FaultSpec = { name: name as FaultName, devices: size };
      if (countOf(spec, devices) > devices)
        problems.push(`--fault ${text} needs more devices than there are; use at most ${devices}, or raise --devices`);
      else specs.push(spec);
    }
  }
  return specs;
}

/** `3` is a number of devices; `0.1`, `1.0` and `10%` are shares. */
function parseSize(text: string): { readonly share: number } | { readonly count: number } | undefined {
  if (/^\d+$/.test(text)) return Number(text) > 0 ? { count: Number(text) } : undefined;
  const match = /^(\d*\.?\d+)(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  return share > 0 && share <= 1 ? { share } : undefined;
}
