import { MAX_ATTRIBUTES_BYTES } from '../model/attributes.ts';
import { isObject } from '../model/json-object.ts';

/** Why a device cannot have these attributes, and what would be valid. */
export interface EntryFault {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

const LONGEST_DEVICE = 256;
const SURROGATE = /\p{Surrogate}/u;

/** The JSON text of a device's attributes as the journal stores it, or the fault. Keys keep their order. */
export function attributesText(device: string, value: unknown): string | EntryFault {
  const shown = JSON.stringify(device.length > 40 ? `${device.slice(0, 40)}…` : device);
  if (device === '' || device.length > LONGEST_DEVICE || SURROGATE.test(device)) {
    const message = `${shown} is not a valid device id.`;
    return { code: 'bad-device', message, remedy: `Use 1 to ${LONGEST_DEVICE} characters.` };
  }
  if (!isObject(value)) {
    const message = `The attributes of ${shown} are not an object.`;
    return { code: 'not-an-object', message, remedy: 'Write them like { "limits": { "temp": 70 } }.' };
  }
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ATTRIBUTES_BYTES) return text;
  const message = `The attributes of ${shown} have ${bytes} bytes; at most ${MAX_ATTRIBUTES_BYTES} are allowed.`;
  return { code: 'too-large', message, remedy: 'Keep only the attributes that rules use.' };
}
