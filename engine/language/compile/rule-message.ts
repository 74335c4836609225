import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import { compileMessage, type Message } from '../../model/message.ts';
import type { RuleFile } from '../../model/rule.ts';

type Units = Readonly<Record<string, string>>;

const UNIT = '.unit';

/** Compiles the message of an alert. `{{name}}` is replaced by a value, `{{name.unit}}` by its unit. */
export function compileRuleMessage(template: string, units: Units): Message['render'] {
  const texts = new Map(Object.entries(units).map(([name, unit]) => [name + UNIT, unit]));
  const { render } = compileMessage(template);
  return (get) => render((name) => texts.get(name) ?? get(name));
}

/** Reports names in the message of a rule that the rule does not have. */
export function checkMessage(rule: RuleFile, known: readonly string[], units: Units, report: Report): void {
  const template = rule.event?.params?.message;
  if (template === undefined) return;
  for (const name of compileMessage(template).names) {
    if (known.includes(name) || name === 'severity') continue;
    const of = name.endsWith(UNIT) ? name.slice(0, -UNIT.length) : undefined;
    if (of !== undefined && Object.hasOwn(units, of)) continue;
    const path = ['event', 'params', 'message'];
    if (of !== undefined && known.includes(of)) {
      const message = `The message uses {{${name}}}, but "${of}" has no unit.`;
      const remedy = 'Set the unit of the field in the config, or write the unit into the message.';
      report(path, { code: 'no-unit', message, remedy });
      continue;
    }
    const close = suggest(of ?? name, known);
    const suffix = of === undefined ? '' : UNIT;
    const message = `The message uses {{${name}}}, but there is no such name in this rule.`;
    const remedy = close === undefined ? `Known names: ${known.join(', ')}.` : `Did you mean {{${close}${suffix}}}?`;
    report(path, { code: 'unknown-name', message, remedy });
  }
}
