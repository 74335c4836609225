import type { FieldValue } from './field.ts';

/** The name of a device attribute in rules is this prefix and the attribute's path, as in `device.limits.temp`. */
export const ATTRIBUTE_PREFIX = 'device.';

/** The largest JSON text of the attributes of one device, in bytes. */
export const MAX_ATTRIBUTES_BYTES = 65_536;

/** The largest number of devices whose attributes one source may hold. */
export const MAX_ATTRIBUTED_DEVICES = 1_000_000;

/** The values at the plan's attribute paths, in the order of the paths. Undefined: the path leads to no single value. */
export type AttributeValues = readonly (FieldValue | undefined)[];

/** The attributes of a device, as the fold keeps them. The object is never changed. */
export interface DeviceAttributes {
  /** The JSON object, as it is in the journal. */
  readonly text: string;
  readonly values: AttributeValues;
}

/** Reads the values that rules use from the JSON text of a device's attributes. */
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
