import { describe, expect, it } from 'vitest';
import { nextProtocol, type ProtocolChoice } from '../../connectors/mqtt/protocol.ts';

const five: ProtocolChoice = { version: 5, unanswered: 0, immediate: false };
const four: ProtocolChoice = { version: 4, unanswered: 0, immediate: false };

describe('nextProtocol', () => {
  it.each([0x01, 0x84])('steps down at once when the broker refuses MQTT 5 with code %i', (code) => {
    expect(nextProtocol(five, { transportOpened: true, code })).toEqual({ version: 4, unanswered: 0, immediate: true });
  });

  it.each([0, 5, 0x87])('keeps the version after code %i', (code) => {
    expect(nextProtocol({ ...five, unanswered: 1 }, { transportOpened: true, code })).toEqual(five);
  });

  it('does not change from 3.1.1 when the broker refuses it, nor reconnect at once', () => {
    expect(nextProtocol(four, { transportOpened: true, code: 1 })).toEqual(four);
  });

  it('changes the version, either way, after two connections that ended without an answer', () => {
    const once = nextProtocol(five, { transportOpened: true, code: undefined });
    expect(once).toEqual({ version: 5, unanswered: 1, immediate: false });
    expect(nextProtocol(once, { transportOpened: true, code: undefined })).toEqual(four);
    expect(nextProtocol({ ...four, unanswered: 1 }, { transportOpened: true, code: undefined })).toEqual(five);
  });

  it('does not change anything if the broker was not reached', () => {
    expect(nextProtocol({ ...five, unanswered: 1 }, { transportOpened: false, code: undefined }).unanswered).toBe(1);
  });
});
