import type { FieldValue } from './field.ts';

/** What rules call an attribute of a device: `device.` and its path, as in `device.limits.temp`. */
export const ATTRIBUTE_PREFIX = 'device.';

/** Bytes of JSON text that the attributes of one device may take. */
export const MAX_ATTRIBUTES_BYTES = 65_536;

/** Devices of which one source may hold attributes. */
export const MAX_ATTRIBUTED_DEVICES = 1_000_000;

/** What stands at the plan's attribute paths, by their order; undefined where there is no single value. */
export type AttributeValues = readonly (FieldValue | undefined)[];

/** The attributes of a device, as the fold keeps them; never changed. */
export interface DeviceAttributes {
  /** A JSON object, as it stands in the journal. */
  readonly text: string;
  readonly values: AttributeValues;
}

/** Reads what rules look at from the JSON text of a device's attributes. */
export function readAttributes(text: string, paths: readonly (readonly string[])[]): DeviceAttributes {
  if (paths.length === 0) return { text, values: [] };
  const attributes: unknown = JSON.parse(text);
  return { text, values: paths.map((path) => valueAt(attributes, path)) };
}

function valueAt(attributes: unknown, path: readonly string[]): FieldValue | undefined {
  let value = attributes;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
}
