import { type DeviceAttributes, readAttributes } from '../model/attributes.ts';
import type { Plan } from '../model/plan/plan.ts';
import { type Changes, createChanges, type Part, type Sections } from './changes.ts';
import { jsonPiece } from './json-piece.ts';

/** Attributes by device. Each step that needs them has a map of its own, and the maps share their entries. */
export interface Attributes {
  /** Belongs to decode, which adds them to readings. */
  readonly ofReadings: Map<string, DeviceAttributes>;
  /** Belongs to decode: the same attributes, as parts of checkpoints. */
  readonly parts: Map<string, AttributesPart>;
  readonly changes: Changes<AttributesPart>;
  /** By level: belongs to its evaluate, for windows that close. Undefined on levels where no rule uses them for windows. */
  readonly ofClosed: readonly (Map<string, DeviceAttributes> | undefined)[];
}

/** The attributes of one device, as a part of checkpoints. */
interface AttributesPart extends Part {
  readonly device: string;
  text: string;
}

/** A device, and the JSON text of its attributes. */
export type AttributesPiece = readonly ['attributes', readonly [device: string, text: string]];

/** Makes the state of a run that knows no attributes yet. */
export function createAttributes(plan: Plan, sections: Sections): Attributes {
  const parts = new Map<string, AttributesPart>();
  return {
    ofReadings: new Map(),
    parts,
    changes: createChanges(
      sections,
      () => parts.values(),
      ({ device, text }) => jsonPiece(['attributes', [device, text]] satisfies AttributesPiece),
    ),
    ofClosed: Array.from({ length: plan.levels }, (_, level) => (usesOfClosed(plan, level) ? new Map() : undefined)),
  };
}

/** Whether some rule over streams of a level evaluates closed windows with the attributes of their device. */
function usesOfClosed({ rules, streams }: Plan, level: number): boolean {
  return rules.some(
    (rule) => rule.kind === 'window' && rule.attributesOf !== undefined && streams[rule.stream]!.level === level,
  );
}

/** Sets the attributes of a device for readings; undefined: it has none any more. The maps of the levels follow: after a cut they are the same. */
export function setAttributes(
  { ofReadings, parts, changes }: Attributes,
  device: string,
  known: DeviceAttributes | undefined,
): void {
  const part = parts.get(device);
  if (known === undefined) {
    ofReadings.delete(device);
    parts.delete(device);
    if (part !== undefined) changes.remove(part);
    return;
  }
  const { text } = known;
  ofReadings.set(device, known);
  if (part !== undefined) {
    changes.touch(part);
    part.text = text;
    return;
  }
  const added: AttributesPart = { number: changes.next++, section: 0, device, text };
  parts.set(device, added);
  changes.add(added);
}

/** Restores the attributes of one device for all steps. */
export function restoreAttributes(plan: Plan, attributes: Attributes, [device, text]: AttributesPiece[1]): void {
  const known = readAttributes(text, plan.attributes);
  setAttributes(attributes, device, known);
  for (const ofClosed of attributes.ofClosed) ofClosed?.set(device, known);
}
