import { MAX_ATTRIBUTES_BYTES } from '../model/attributes.ts';
import { isObject } from '../model/json-object.ts';

/** Why a device cannot have these attributes, and what would be right. */
export interface EntryFault {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

const LONGEST_DEVICE = 256;
const SURROGATE = /\p{Surrogate}/u;

/** The JSON text of a device's attributes as it stands in the journal, or why it cannot. Keys keep their order. */
export function attributesText(device: string, value: unknown): string | EntryFault {
  const shown = JSON.stringify(device.length > 40 ? `${device.slice(0, 40)}…` : device);
  if (device === '' || device.length > LONGEST_DEVICE || SURROGATE.test(device)) {
    const message = `${shown} is no device id.`;
    return { code: 'bad-device', message, remedy: `It has 1 to ${LONGEST_DEVICE} characters.` };
  }
  if (!isObject(value)) {
    const message = `The attributes of ${shown} are no object.`;
    return { code: 'not-an-object', message, remedy: 'Write them like { "limits": { "temp": 70 } }.' };
  }
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ATTRIBUTES_BYTES) return text;
  const message = `The attributes of ${shown} take ${bytes} bytes, more than ${MAX_ATTRIBUTES_BYTES}.`;
  return { code: 'too-large', message, remedy: 'Keep what rules ask for, and leave the rest elsewhere.' };
}
