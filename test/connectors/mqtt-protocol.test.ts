import { describe, expect, it } from 'vitest';
import { nextProtocol, type ProtocolChoice } from '../../connectors/mqtt/protocol.ts';

const five: ProtocolChoice = { version: 5, hangUps: 0, atOnce: false };
const four: ProtocolChoice = { version: 4, hangUps: 0, atOnce: false };

describe('nextProtocol', () => {
  it.each([0x01, 0x84])('steps down at once when the broker refuses MQTT 5 with code %i', (code) => {
    expect(nextProtocol(five, { reached: true, code })).toEqual({ version: 4, hangUps: 0, atOnce: true });
  });

  it.each([0, 5, 0x87])('keeps the version after code %i', (code) => {
    expect(nextProtocol({ ...five, hangUps: 1 }, { reached: true, code })).toEqual(five);
  });

  it('does not step down from 3.1.1, nor come back at once', () => {
    expect(nextProtocol(four, { reached: true, code: 1 })).toEqual(four);
  });

  it('changes the version, either way, after two connections that ended without an answer', () => {
    const once = nextProtocol(five, { reached: true, code: undefined });
    expect(once).toEqual({ version: 5, hangUps: 1, atOnce: false });
    expect(nextProtocol(once, { reached: true, code: undefined })).toEqual(four);
    expect(nextProtocol({ ...four, hangUps: 1 }, { reached: true, code: undefined })).toEqual(five);
  });

  it('learns nothing from a broker that was not reached', () => {
    expect(nextProtocol({ ...five, hangUps: 1 }, { reached: false, code: undefined }).hangUps).toBe(1);
  });
});
