import type { FieldValue } from './field.ts';

/** A compiled message template. */
export interface Message {
  /** The names between the braces, each once, in the order in which they first appear. */
  readonly names: readonly string[];
  /** Fills in the template. A name without a value is shown as `?`. */
  render(get: (name: string) => FieldValue | undefined): string;
}

const PLACEHOLDER = /\{\{([^{}]+)\}\}/g;
const SIGNIFICANT_DIGITS = 6;

/** Compiles a template in which `{{name}}` is replaced by a value. Spaces at the edges inside the braces are ignored. */
export function compileMessage(template: string): Message {
  const texts: string[] = [];
  const slots: string[] = [];
  let end = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    const name = (match[1] as string).trim();
    if (name === '') continue;
    texts.push(template.slice(end, match.index));
    slots.push(name);
    end = match.index + match[0].length;
  }
  const tail = template.slice(end);
  return {
    names: [...new Set(slots)],
    render: (get) => {
      let text = '';
      for (let i = 0; i < slots.length; i++) text += texts[i] + formatValue(get(slots[i] as string));
      return text + tail;
    },
  };
}

/**
 * A value as people read it. A number with a fraction is rounded to 6 significant digits, but its integer part keeps all digits.
 * Whole numbers are shown in full. Exponents are used only below 1e-6 and from 1e21 on.
 */
function formatValue(value: FieldValue | undefined): string {
  if (value === undefined) return '?';
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value)) return String(value);
  if (Math.abs(value) >= 10 ** (SIGNIFICANT_DIGITS - 1)) return String(Math.round(value));
  return String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
}
