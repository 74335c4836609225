import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import { compileMessage, type Message } from '../../model/message.ts';
import type { RuleFile } from '../../model/rule.ts';

type Units = Readonly<Record<string, string>>;

const UNIT = '.unit';

/** Compiles what an alert says: `{{name}}` is a value, `{{name.unit}}` its unit. */
export function compileRuleMessage(template: string, units: Units): Message['render'] {
  const texts = new Map(Object.entries(units).map(([name, unit]) => [name + UNIT, unit]));
  const { render } = compileMessage(template);
  return (get) => render((name) => texts.get(name) ?? get(name));
}

/** Reports what a rule's message names and the rule does not know. */
export function checkMessage(rule: RuleFile, known: readonly string[], units: Units, report: Report): void {
  const template = rule.event?.params?.message;
  if (template === undefined) return;
  for (const name of compileMessage(template).names) {
    if (known.includes(name) || name === 'severity') continue;
    const of = name.endsWith(UNIT) ? name.slice(0, -UNIT.length) : undefined;
    if (of !== undefined && Object.hasOwn(units, of)) continue;
    const path = ['event', 'params', 'message'];
    if (of !== undefined && known.includes(of)) {
      const message = `the message uses {{${name}}}, but "${of}" has no unit`;
      const remedy = 'Declare the unit of its field in the config, or write it into the message.';
      report(path, { code: 'no-unit', message, remedy });
      continue;
    }
    const close = suggest(of ?? name, known);
    const suffix = of === undefined ? '' : UNIT;
    const message = `the message uses {{${name}}}, which this rule does not know`;
    const remedy = close === undefined ? `It knows: ${known.join(', ')}.` : `Did you mean {{${close}${suffix}}}?`;
    report(path, { code: 'unknown-name', message, remedy });
  }
}
