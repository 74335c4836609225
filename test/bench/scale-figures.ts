/** What is measured of an engine with a number of devices; the unit of each. */
export const FIGURES = {
  'memory of the state': 'bytes per device',
  'memory of the state after checkpoints': 'bytes per device',
  'first sight of a device': 'µs CPU per message',
  'a later reading': 'µs CPU per message',
  'a quiet tick: mean': 'ms CPU',
  'a quiet tick: longest': 'ms CPU',
  'all windows close': 'ms CPU',
  'all windows close: longest pause': 'ms',
  'checkpoint, all keys changed': 'ms CPU',
  'checkpoint, all keys changed: longest pause': 'ms',
  'checkpoint, all keys changed: written': 'bytes',
  'checkpoint, 1 % of keys changed': 'ms CPU',
  'checkpoint, 1 % of keys changed: longest pause': 'ms',
  'checkpoint, 1 % of keys changed: written': 'bytes',
  'all devices fall silent': 's CPU',
  'all devices fall silent: longest pause': 'ms',
  'all devices fall silent: published': 'events',
} as const;

export type FigureName = keyof typeof FIGURES;

/** All figures of one engine and one number of devices. */
export type Figures = Readonly<Record<FigureName, number>>;
