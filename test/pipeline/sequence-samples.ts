const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const isDoor = (value: boolean) => ({ all: [{ fact: 'door', operator: 'equal', value }] });
// biome-ignore lint/suspicious/noThenProperty: the word that authors of rules write.
const then = (condition: object, within?: string) => ({ then: condition, ...(within !== undefined && { within }) });
const not = (condition: object, within?: string) => ({ not: condition, ...(within !== undefined && { within }) });

/** Sequences by device and by group, with absences in between and at the end, each open to fire often. */
export const SEQUENCE_SAMPLES = [
  { name: 'follows', sequence: [above('temp', 6), then(isDoor(true), '8s')] },
  {
    name: 'unbroken',
    sequence: [above('temp', 3), not(isDoor(true)), then({ not: above('temp', 3) })],
    lateness: '1s',
  },
  { name: 'row', sequence: [above('temp', 2), then(above('temp', 3)), then(above('temp', 4))], keepFiring: '1s' },
  { name: 'absent', sequence: [isDoor(true), not(isDoor(false), '2s')], keepFiring: '3s' },
  {
    name: 'absent-late',
    sequence: [above('temp', 6), not(above('temp', 8), '1s'), not(isDoor(true))],
    lateness: '800ms',
  },
  { name: 'follows-site', per: ['site'], sequence: [above('temp', 6), then(isDoor(true), '6s')], lateness: '500ms' },
  { name: 'absent-all', per: [], sequence: [isDoor(false), then(above('temp', 4), '4s'), not(isDoor(true))] },
].map((rule) => ({ stream: 'sensors', ...rule }));
