/** A scalar as devices report it. Absent fields are `undefined`, never `null`. */
export type FieldValue = number | boolean | string;

/** The declared type of a field. */
export type FieldType = 'number' | 'boolean' | 'string';
