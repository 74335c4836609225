import { type DeviceAttributes, readAttributes } from '../model/attributes.ts';
import type { Plan } from '../model/plan/plan.ts';

/** Attributes by device. Each step that needs them has a map of its own, and the maps share their entries. */
export interface Attributes {
  /** Belongs to decode, which adds them to readings. */
  readonly ofReadings: Map<string, DeviceAttributes>;
  /** By level: belongs to its evaluate, for windows that close. Undefined on levels where no rule uses them for windows. */
  readonly ofClosed: readonly (Map<string, DeviceAttributes> | undefined)[];
}

/** A device, and the JSON text of its attributes. */
export type AttributesPiece = readonly ['attributes', readonly [device: string, text: string]];

/** Makes the state of a run that knows no attributes yet. */
export function createAttributes(plan: Plan): Attributes {
  return {
    ofReadings: new Map(),
    ofClosed: Array.from({ length: plan.levels }, (_, level) => (usesOfClosed(plan, level) ? new Map() : undefined)),
  };
}

/** Whether some rule over streams of a level evaluates closed windows with the attributes of their device. */
function usesOfClosed({ rules, streams }: Plan, level: number): boolean {
  return rules.some(
    (rule) => rule.kind === 'window' && rule.attributesOf !== undefined && streams[rule.stream]!.level === level,
  );
}

/** Writes one piece for each device. The maps of the levels need none: after a cut they are the same. */
export function writeAttributes({ ofReadings }: Attributes, write: (piece: AttributesPiece) => void): void {
  for (const [device, { text }] of ofReadings) write(['attributes', [device, text]]);
}

/** Restores the attributes of one device for all steps. */
export function restoreAttributes(plan: Plan, attributes: Attributes, [device, text]: AttributesPiece[1]): void {
  const known = readAttributes(text, plan.attributes);
  attributes.ofReadings.set(device, known);
  for (const ofClosed of attributes.ofClosed) ofClosed?.set(device, known);
}
