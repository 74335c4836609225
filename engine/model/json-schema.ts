import { isObject } from './json-object.ts';

/** The types that a JSON Schema may require. */
export type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array' | 'null';

/**
 * The part of JSON Schema draft-07 that the project's own schemas use. Each keyword has the meaning of the standard.
 * A schema with `$ref` or `anyOf` has no other keywords except annotations. `title` is a noun phrase with its article, because messages quote it.
 */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly $ref?: `#/definitions/${string}`;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  /** The value is a secret: no message shows it. */
  readonly writeOnly?: boolean;
  readonly type?: JsonType;
  readonly enum?: readonly (string | number | boolean)[];
  readonly const?: string | number | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly pattern?: string;
  /** The text that editors and messages show instead of the pattern. */
  readonly patternErrorMessage?: string;
  /**
   * For a `pattern` that also bounds a quantity: a text that matches only `form` has the right form but is out of bounds. `range` names the
   * bounds.
   */
  readonly patternBounds?: { readonly form: string; readonly range: string };
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

/** Whether a value has the type that a schema requires. True if the schema requires no type. */
export function hasType(value: unknown, type: JsonType | undefined): boolean {
  switch (type) {
    case undefined:
      return true;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}
