import type { Path } from '../document/document.ts';
import { type Fault, formatPath } from '../document/fault.ts';
import { suggest } from '../document/suggest.ts';
import type { Place } from '../model/config.ts';
import type { Template } from '../model/topic.ts';
import type { StreamEntry } from './config-file.ts';
import { deviceOf, topicLabels } from './fill-stream.ts';
import type { Inspection } from './inspection.ts';
import { checkName } from './names.ts';

/** Checks where a stream's device, labels and fields come from, and how they are called; `template` is undefined where the topic is bad. */
export function checkContent(
  inspection: Inspection,
  entry: StreamEntry,
  path: Path,
  template: Template | undefined,
): void {
  if (template !== undefined && inspection.isSound([...path, 'device'])) checkDevice(inspection, entry, path, template);
  checkNames(inspection, entry, path, template);
  checkPlaces(inspection, entry, path, template);
  checkSequence(inspection, entry, path);
  if (!inspection.isSound([...path, 'format'])) return;
  if (entry.format === 'plain') checkPlain(inspection, entry, path, template);
  else if (template?.names.includes('field')) {
    const message = `{field} tells the field of a plain payload, but the format is ${entry.format}.`;
    const remedy = 'Give the placeholder another name, or write + for it.';
    inspection.faults.push({ code: 'reserved-name', path: [...path, 'topic'], message, remedy });
  }
}

function checkDevice({ faults }: Inspection, entry: StreamEntry, path: Path, template: Template): void {
  const device = deviceOf(entry, template);
  if (device === undefined) {
    const remedy = 'Put {device} into the topic, or say where it stands in the payload: "device": "device_id".';
    faults.push({
      code: 'missing-device',
      path,
      which: 'key',
      message: `${formatPath(path)} does not tell the device.`,
      remedy,
    });
  } else if ('path' in device && template.names.includes('device')) {
    const message = 'The device id comes from the payload, but {device} of the topic names another.';
    const remedy = 'Remove `device`, or write + in place of {device}.';
    faults.push({ code: 'ambiguous-device', path: [...path, 'device'], message, remedy });
  }
}

/** Every name of a stream becomes a column, so no two may be the same, wherever they come from. */
function checkNames(
  { faults, isPresent, isSound }: Inspection,
  entry: StreamEntry,
  path: Path,
  template: Template | undefined,
): void {
  const taken = new Map<string, string>();
  const take = (kind: 'label' | 'field', name: string, place: Path, source: string) => {
    const earlier = taken.get(name);
    taken.set(name, source);
    const message = `The ${kind} \`${name}\` has the name of ${earlier}.`;
    const remedy = 'Rename one of the two; both become columns of one table.';
    const clash: Fault = { code: 'duplicate-name', path: place, which: 'key', message, remedy };
    const fault = checkName(kind, name, place) ?? (earlier === undefined ? undefined : clash);
    if (fault !== undefined) faults.push(fault);
  };
  if (template !== undefined && isSound([...path, 'device']) && isSound([...path, 'format'])) {
    const labels = topicLabels(entry.format, template, deviceOf(entry, template));
    // `{device}` beside a path and `{field}` of other formats have faults of their own.
    for (const name of labels) {
      if (name !== 'device' && name !== 'field') take('label', name, [...path, 'topic'], `the placeholder {${name}}`);
    }
  }
  if (entry.labels !== undefined && isPresent([...path, 'labels'])) {
    for (const name of Object.keys(entry.labels)) take('label', name, [...path, 'labels', name], 'a label');
  }
  if (isPresent([...path, 'fields'])) {
    for (const name of Object.keys(entry.fields)) take('field', name, [...path, 'fields', name], 'a field');
  }
}

function checkPlaces(inspection: Inspection, entry: StreamEntry, path: Path, template: Template | undefined): void {
  for (const { place, at } of listPlaces(inspection, entry, path)) {
    if ('path' in place) {
      if (!place.path.split('.').includes('__proto__')) continue;
      const message = `${formatPath(at)} goes through \`__proto__\`, which payloads may not have.`;
      inspection.faults.push({ code: 'bad-path', path: at, message, remedy: 'Choose another path.' });
    } else if (template !== undefined && !template.names.includes(place.topic)) {
      const near = suggest(place.topic, template.names);
      const known = template.names.map((name) => `{${name}}`).join(', ') || 'none';
      const remedy = `${near === undefined ? '' : `Did you mean "${near}"? `}Placeholders of the topic: ${known}.`;
      const message = `The topic has no placeholder {${place.topic}}.`;
      inspection.faults.push({ code: 'unknown-placeholder', path: at, message, remedy });
    }
  }
}

/** A number is a reading's own; and only a stamp tells whether a device repeats it, or began to count anew. */
function checkSequence({ faults, isPresent, isSound }: Inspection, entry: StreamEntry, path: Path): void {
  const at = [...path, 'sequence'];
  if (entry.sequence === undefined || !isPresent(at)) return;
  // That a plain payload has neither is told of its place.
  if (entry.time === undefined && isSound([...path, 'time']) && entry.format !== 'plain') {
    const message = `${formatPath(path)} has a \`sequence\` but no \`time\`: who begins to count anew would seem to repeat.`;
    const remedy = 'Say where the stamp stands: "time": {"path":"ts","unit":"ms"}; or remove `sequence`.';
    faults.push({ code: 'missing-key', path: at, which: 'key', message, remedy });
  }
  const place = typeof entry.sequence === 'string' ? at : [...at, 'path'];
  const spelled = typeof entry.sequence === 'string' ? entry.sequence : entry.sequence.path;
  if (entry.each === undefined || !isSound(place) || !spelled.startsWith('$.')) return;
  const message = `${formatPath(place)} is one number for all readings of a message.`;
  const remedy = 'Name a place within each reading; without one, remove `sequence`.';
  faults.push({ code: 'bad-path', path: place, message, remedy });
}

/** Everything in a stream that says where a value stands, as far as its structure is right. */
function listPlaces({ isPresent, isSound }: Inspection, entry: StreamEntry, path: Path): { place: Place; at: Path }[] {
  const found: { place: Place; at: Path }[] = [];
  const add = (spelled: string | Place | undefined, ...keys: string[]) => {
    const at = [...path, ...keys];
    if (spelled !== undefined && isSound(at))
      found.push({ place: typeof spelled === 'string' ? { path: spelled } : spelled, at });
  };
  add(entry.each, 'each');
  add(entry.device, 'device');
  if (isPresent([...path, 'time'])) add(entry.time?.path, 'time', 'path');
  if (typeof entry.sequence === 'string') add(entry.sequence, 'sequence');
  else if (isPresent([...path, 'sequence'])) add(entry.sequence?.path, 'sequence', 'path');
  if (isPresent([...path, 'labels'])) {
    for (const [name, spelled] of Object.entries(entry.labels ?? {})) add(spelled, 'labels', name);
  }
  if (isPresent([...path, 'fields'])) {
    for (const [name, spelled] of Object.entries(entry.fields)) {
      if (isSound([...path, 'fields', name]) && typeof spelled === 'object') add(spelled.path, 'fields', name, 'path');
    }
  }
  return found;
}

/** A plain payload is one bare value: nothing else can stand in it. */
function checkPlain(inspection: Inspection, entry: StreamEntry, path: Path, template: Template | undefined): void {
  const { faults, isSound } = inspection;
  for (const { place, at } of listPlaces(inspection, entry, path)) {
    if (!('path' in place)) continue;
    const message = `${formatPath(at)} asks for a place in the payload, but a plain payload is one bare value.`;
    const remedy = 'Take it from the topic, leave it out, or use another format.';
    faults.push({ code: 'plain-payload', path: at, message, remedy });
  }
  if (template === undefined || !isSound([...path, 'fields'])) return;
  const fields = Object.keys(entry.fields).length;
  if (template.names.includes('field') || fields === 1) return;
  const message = `A plain payload is one value, but there are ${fields} fields and the topic does not tell which.`;
  const remedy = 'Put {field} into the topic where the name of the field stands, or declare one field.';
  faults.push({ code: 'plain-payload', path: [...path, 'fields'], which: 'key', message, remedy });
}
