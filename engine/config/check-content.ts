import type { Path } from '../document/document.ts';
import { type Fault, formatPath } from '../document/fault.ts';
import { suggest } from '../document/suggest.ts';
import type { Place } from '../model/config.ts';
import type { Template } from '../model/topic.ts';
import type { StreamEntry } from './config-file.ts';
import { deviceOf, topicLabels } from './fill-stream.ts';
import type { Inspection } from './inspection.ts';
import { checkName } from './names.ts';

/** Checks the sources and the names of a stream's device, labels and fields. `template` is undefined if the topic has a fault. */
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
    const message = `{field} is the name of the field of a plain payload, but the format is ${entry.format}.`;
    const remedy = 'Rename the placeholder, or write + instead of it.';
    inspection.faults.push({ code: 'reserved-name', path: [...path, 'topic'], message, remedy });
  }
}

function checkDevice({ faults }: Inspection, entry: StreamEntry, path: Path, template: Template): void {
  const device = deviceOf(entry, template);
  if (device === undefined) {
    const remedy =
      'Put {device} into the topic, or add the path of the device id in the payload: "device": "device_id".';
    faults.push({
      code: 'missing-device',
      path,
      which: 'key',
      message: `${formatPath(path)} does not say where the device id comes from.`,
      remedy,
    });
  } else if ('path' in device && template.names.includes('device')) {
    const message = 'The device id comes from the payload, but the topic has {device} too.';
    const remedy = 'Remove `device`, or write + instead of {device}.';
    faults.push({ code: 'ambiguous-device', path: [...path, 'device'], message, remedy });
  }
}

/** Every label and field becomes a column, so no two names may be equal, whatever their source. */
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
    const message = `The ${kind} \`${name}\` has the same name as ${earlier}.`;
    const remedy = 'Rename one of the two; both become columns of one table.';
    const clash: Fault = { code: 'duplicate-name', path: place, which: 'key', message, remedy };
    const fault = checkName(kind, name, place) ?? (earlier === undefined ? undefined : clash);
    if (fault !== undefined) faults.push(fault);
  };
  if (template !== undefined && isSound([...path, 'device']) && isSound([...path, 'format'])) {
    const labels = topicLabels(entry.format, template, deviceOf(entry, template));
    // `{device}` together with a path, and `{field}` with other formats, are reported elsewhere.
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
      const message = `${formatPath(at)} contains \`__proto__\`, which is not allowed in payloads.`;
      inspection.faults.push({ code: 'bad-path', path: at, message, remedy: 'Write another path.' });
    } else if (template !== undefined && !template.names.includes(place.topic)) {
      const near = suggest(place.topic, template.names);
      const known = template.names.map((name) => `{${name}}`).join(', ') || 'none';
      const remedy = `${near === undefined ? '' : `Did you mean "${near}"? `}Placeholders of the topic: ${known}.`;
      const message = `The topic has no placeholder {${place.topic}}.`;
      inspection.faults.push({ code: 'unknown-placeholder', path: at, message, remedy });
    }
  }
}

/** A sequence number must belong to each reading. It needs `time`, to distinguish a duplicate from a counter that started again. */
function checkSequence({ faults, isPresent, isSound }: Inspection, entry: StreamEntry, path: Path): void {
  const at = [...path, 'sequence'];
  if (entry.sequence === undefined || !isPresent(at)) return;
  // For a plain payload, which has neither, the path is reported elsewhere.
  if (entry.time === undefined && isSound([...path, 'time']) && entry.format !== 'plain') {
    const message = `${formatPath(path)} has a \`sequence\` but no \`time\`, so a counter that starts again would look like duplicates.`;
    const remedy = 'Add the path of the timestamp: "time": {"path":"ts","unit":"ms"}; or remove `sequence`.';
    faults.push({ code: 'missing-key', path: at, which: 'key', message, remedy });
  }
  const place = typeof entry.sequence === 'string' ? at : [...at, 'path'];
  const spelled = typeof entry.sequence === 'string' ? entry.sequence : entry.sequence.path;
  if (entry.each === undefined || !isSound(place) || !spelled.startsWith('$.')) return;
  const message = `${formatPath(place)} is the same number for all readings of a message.`;
  const remedy = 'Write a path inside of each reading, or remove `sequence`.';
  faults.push({ code: 'bad-path', path: place, message, remedy });
}

/** Lists the places of all values of a stream, as far as their structure is valid. */
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

/** A plain payload is a single value, so it contains no paths. */
function checkPlain(inspection: Inspection, entry: StreamEntry, path: Path, template: Template | undefined): void {
  const { faults, isSound } = inspection;
  for (const { place, at } of listPlaces(inspection, entry, path)) {
    if (!('path' in place)) continue;
    const message = `${formatPath(at)} is a path in the payload, but a plain payload is a single value.`;
    const remedy = 'Take the value from the topic, remove it, or use another format.';
    faults.push({ code: 'plain-payload', path: at, message, remedy });
  }
  if (template === undefined || !isSound([...path, 'fields'])) return;
  const fields = Object.keys(entry.fields).length;
  if (template.names.includes('field') || fields === 1) return;
  const message = `A plain payload is a single value, but there are ${fields} fields and the topic does not say which it is.`;
  const remedy = 'Put {field} at the level of the topic that is the name of the field, or declare only one field.';
  faults.push({ code: 'plain-payload', path: [...path, 'fields'], which: 'key', message, remedy });
}
