import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRedrive, encodeRedrive, type Redrive, writeRedrive } from '../../engine/journal/redrive.ts';
import type { MessageRecord } from '../../engine/model/record.ts';
import { makeFolder } from './folder.ts';

const message = (payload: string, topic = 'plant/d1', connection = 0): Omit<MessageRecord, 'offset'> => ({
  kind: 'message',
  at: 1_769_860_800_123,
  connection,
  topic,
  payload: Buffer.from(payload),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 0,
  redriven: true,
});

const redrive = (...messages: Redrive['messages'][number][]): Redrive => ({
  at: 5,
  config: 'c0',
  brokers: ['one', 'twö'],
  messages,
});

const THREE = redrive(message('{"temp":1}'), message('\n{"version":1}\n', 'é', 1), message(''));

describe('a file of dead letters', () => {
  it('reads back as it was written', () => {
    expect(decodeRedrive(encodeRedrive(THREE))).toEqual(THREE);
    expect(decodeRedrive(encodeRedrive(redrive()))).toEqual(redrive());
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (payloads) => {
        const written = redrive(...payloads.map((bytes) => ({ ...message('x'), payload: Buffer.from(bytes) })));
        expect(decodeRedrive(encodeRedrive(written))).toEqual(written);
      }),
    );
  });

  it('is refused as a whole if a byte of a message is changed, or it ends too soon', () => {
    const bytes = encodeRedrive(THREE);
    const head = bytes.indexOf('\n') + 1;
    for (let at = head; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      expect(decodeRedrive(damaged)).toMatch(/^message \d of 3 is (damaged|incomplete)$/);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeRedrive(bytes.subarray(0, length))).toBeTypeOf('string');
    }
    expect(decodeRedrive(Buffer.concat([bytes, bytes.subarray(head)]))).toBe(
      'it has 6 messages, but its first line says 3',
    );
  });

  it.each([
    ['', 'its first line is not the header of a file of dead letters'],
    ['hello\n', 'its first line is not the header of a file of dead letters'],
    ['null\n', 'its first line is not the header of a file of dead letters'],
    ['{"version":1}\n', 'its first line is not the header of a file of dead letters'],
    ['{"version":2,"letters":[]}\n', 'it has version 2; this version of Weir reads version 1'],
  ])('%j is not one', (text, why) => {
    expect(decodeRedrive(Buffer.from(text))).toBe(why);
  });

  it('is written whole, with a name that sorts by time and part, for the given owner', async () => {
    const data = makeFolder();
    const { uid, gid } = statSync(data);
    const paths = [];
    for (const part of [10, 9, 0]) paths.push(await writeRedrive(data, THREE, part, { uid, gid }));
    const names = readdirSync(join(data, 'redrive')).sort();
    expect(names.map((name) => join(data, 'redrive', name))).toEqual(paths.toReversed());
    expect(names.every((name) => name.endsWith('.redrive'))).toBe(true);
    expect(decodeRedrive(readFileSync(paths[0]!))).toEqual(THREE);
    expect(statSync(paths[0]!).mode & 0o777).toBe(0o600);
  });

  it('that cannot be written leaves no file', async () => {
    const data = makeFolder();
    mkdirSync(join(data, 'redrive'));
    const unwritable = { ...THREE, messages: [{ ...message('x'), topic: 'x'.repeat(70_000) }] };
    await expect(writeRedrive(data, unwritable, 0)).rejects.toThrow();
    expect(readdirSync(join(data, 'redrive'))).toEqual([]);
  });
});
