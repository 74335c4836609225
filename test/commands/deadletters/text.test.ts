import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../../engine/commands/deadletters/dead-letter.ts';
import { deadLetterJson, deadLetterTable, deadLetterText, hexDump } from '../../../engine/commands/deadletters/text.ts';
import { START_AT } from '../../pipeline/kit.ts';

function letter(payload: string | Uint8Array, changes: Partial<DeadLetter> = {}): DeadLetter {
  const bytes = Buffer.from(payload);
  const fault = { id: 0n, receivedAt: START_AT, hasPayload: true, retriedAt: undefined };
  return {
    at: START_AT,
    offset: 7,
    topic: 'plant/north/d1/data',
    payload: bytes,
    bytes: bytes.length,
    faults: [
      { ...fault, stream: 'sensors', reason: 'wrong-type', detail: 'not a number' },
      { ...fault, stream: 'sensors', reason: 'not-finite', detail: 'too much', retriedAt: START_AT + 1_000 },
    ],
    ...changes,
  };
}

const NOTHING = { kind: 'nothing', why: 'it is so' } as const;
const id = `7-${START_AT.toString(36)}`;

describe('a list of dead letters', () => {
  it('has an aligned line for each, with the requested fault', () => {
    const other = letter('', { topic: 't', offset: 1_234, faults: [{ ...letter('').faults[0]!, stream: '' }] });
    const lines = deadLetterTable([letter(''), other], undefined, false).split('\n');
    expect(lines[1]).toBe(
      `${id}     2026-01-31T12:00:00.000Z  sensors  plant/north/d1/data  wrong-type  not a number (and 1 fault more)`,
    );
    expect(lines[2]).toBe(
      `1234-${START_AT.toString(36)}  2026-01-31T12:00:00.000Z  -        t                    wrong-type  not a number`,
    );
    expect(deadLetterTable([letter('')], 'not-finite', true)).toMatch(
      /not-finite {2}2026-01-31T12:00:01.000Z {2}too much \(and 1 fault more\)\n$/,
    );
  });

  it('escapes control characters', () => {
    expect(deadLetterTable([letter('', { topic: 'a\u001b[2J\n\u009b' })], undefined, false)).toContain(
      'a\\u001b[2J\\u000a\\u009b',
    );
  });
});

describe('a dead letter', () => {
  it('is shown with all its faults and its text', () => {
    const text = deadLetterText(letter('{\n\t"temp": "é\u001b"}'), NOTHING, { streams: [] });
    expect(text).toBe(`id        ${id}
received  2026-01-31T12:00:00.000Z
retried   2026-01-31T12:00:01.000Z
topic     plant/north/d1/data
offset    7
faults    wrong-type (sensors): not a number
          not-finite (sensors): too much
payload   17 bytes
{
	"temp": "é\\u001b"}
now       nothing to redrive: it is so
`);
  });

  it('is shown as a hex dump if it is not text', () => {
    expect(deadLetterText(letter(Uint8Array.of(0xff, 0x41)), NOTHING, { streams: [] })).toContain(
      '\n00000000  ff 41                                            .A\n',
    );
    expect(hexDump(Buffer.from('0123456789abcdefg'))).toBe(
      '00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n' +
        '00000010  67                                               g',
    );
    expect(hexDump(Buffer.alloc(0))).toBe('');
  });

  it('is JSON with text or base64', () => {
    expect(deadLetterJson(letter('é'), true)).toMatchObject({
      id,
      payload: 'é',
      bytes: 2,
      faults: [{ retried: null }, {}],
    });
    expect(deadLetterJson(letter(Uint8Array.of(0xff)), true)).toMatchObject({ base64: '/w==' });
    expect(deadLetterJson(letter('é'), false)).not.toHaveProperty('payload');
  });
});
