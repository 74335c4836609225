/** A JSON object whose values may be of any type. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value of a JSON document is an object: neither a list, nor null, nor a scalar. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
