import { describe, expect, test } from 'vitest';
import { showValue } from '../../engine/document/fault.ts';
import { maskUrl } from '../../engine/model/url.ts';

describe('a URL as it is shown', () => {
  test.each([
    ['nats://host:4222', 'nats://host:4222'],
    ['nats://[::1]:4222', 'nats://[::1]:4222'],
    ['nats://::1:4222', 'nats://::1:4222'],
    ['mqtt://localhost:99999', 'mqtt://localhost:99999'],
    ['localhost:1883', 'localhost:1883'],
    ['http://host:8123/weir', 'http://host:8123/weir'],
    ['nats://user:secret@host:4222', 'nats://***@host:4222'],
    ['nats://secret@host:4222', 'nats://***@host:4222'],
    ['nats://user:se@cret@host', 'nats://***@host'],
    ['nats://user:se/cr/et@host', 'nats://***@host'],
    ['nats://user:se?cr#et@host', 'nats://***'],
    ['nats://user:secret@', 'nats://***@'],
    ['user:secret@host:4222', '***@host:4222'],
    ['nats:user:secret@host:4222', '***@host:4222'],
    ['nats:/user:secret@host:4222', 'nats:/***@host:4222'],
    ['nats://user:secret', 'nats://user:***'],
    ['nats://user:secret%40host:4222', 'nats://user:***'],
    ['http://host/?password=secret', 'http://host/?***'],
    ['http://host:8123?user=a@b&password=secret', 'http://***'],
    ['http://host/#secret', 'http://host/#***'],
    ['http://host/;password=secret', 'http://host/;***'],
    ['nats://user:secret\n@host', 'nats://***@host'],
  ])('%j is %j', (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
    expect(maskUrl(url)).not.toContain('secret');
    if (/:\/|:.*@/s.test(url)) expect(showValue(url)).toBe(JSON.stringify(shown));
  });

  test('a value that is no URL is shown as it is', () => {
    expect(showValue('^a?b:c$')).toBe('"^a?b:c$"');
    expect(showValue('plant/+/data?x#y')).toBe('"plant/+/data?x#y"');
  });
});
