import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { parseSimulateArguments } from '../../engine/commands/simulate/options.ts';
import { simulate } from '../../engine/commands/simulate.ts';
import { FAULT_NAMES } from '../../engine/simulator/faults.ts';

async function run(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const code = await simulate.run(args, { stdout, stderr, env: { EMPTY: '' }, signal });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

test('without arguments: ten healthy devices, a reading every 5 s, the local broker', () => {
  const { values, problems } = parseSimulateArguments([], {});
  expect(problems).toEqual([]);
  expect(values).toMatchObject({
    broker: { url: 'mqtt://127.0.0.1:1883' },
    devices: 10,
    everyMs: 5_000,
    seed: 1,
    faults: [],
    paced: true,
    qos: 1,
    topic: 'plant/{site}/{device}/data',
    count: undefined,
    forMs: undefined,
    replay: undefined,
    shift: 'keep',
  });
});

test.each([
  [['--every', '250ms'], { everyMs: 250 }],
  [['--rate', '100/s', '--devices', '50'], { everyMs: 500, paced: true }],
  [['--rate', 'max', '--count', '5'], { paced: false, count: 5 }],
  [['--for', '2m'], { forMs: 120_000 }],
  [['--fault', 'stuck'], { faults: [{ name: 'stuck', devices: { count: 1 } }] }],
  [
    ['--fault', 'stuck:3', '--fault', 'drift:0.1'],
    {
      faults: [
        { name: 'stuck', devices: { count: 3 } },
        { name: 'drift', devices: { share: 0.1 } },
      ],
    },
  ],
  [['--fault', 'stuck:1.0'], { faults: [{ name: 'stuck', devices: { share: 1 } }] }],
  [['--fault=stuck:25%'], { faults: [{ name: 'stuck', devices: { share: 0.25 } }] }],
  [['--replay', 'a.csv', '--speed', '600', '--shift', 'end'], { replay: 'a.csv', speed: 600, shift: 'end' }],
  [['--replay', 'a.csv', '--speed', 'max'], { speed: Number.POSITIVE_INFINITY }],
  [
    ['--username', 'me', '--password-env', 'PW'],
    { broker: { url: 'mqtt://127.0.0.1:1883', username: 'me', password: 'secret' } },
  ],
])('%j', (args, expected) => {
  const { values, problems } = parseSimulateArguments(args, { PW: 'secret' });
  expect(problems).toEqual([]);
  expect(values).toMatchObject(expected);
});

describe('wrong arguments: exit code 2, the problem and the remedy', () => {
  test.each([
    [['--devcies', '3'], 'no option --devcies', 'did you mean --devices?'],
    [['--zzz', '3'], 'no option --zzz; see', '--help'],
    [['ten'], '"ten" is not an option', '--help'],
    [['--devices'], '--devices needs a value', '--devices VALUE'],
    [['--devices', 'ten'], '"ten" is not valid', 'from 1 to 1000000'],
    [['--devices', '0'], '"0" is not valid', 'from 1'],
    [['--seed', '-1'], '"-1" is not valid', 'from 0'],
    [['--count', '1.5'], '"1.5" is not valid', 'whole number'],
    [['--every', '5'], '"5" is not a duration', '500ms, 5s'],
    [['--every', '0s'], '"0s" is not a duration', '500ms, 5s'],
    [['--for', 'ever'], '"ever" is not a duration', '500ms, 5s'],
    [['--rate', '5'], '--rate "5" is unknown', '500/s'],
    [['--rate', '5/s', '--every', '1s'], '--rate and --every', 'give only one'],
    [['--rate', '20000/s'], 'the same timestamp', '--devices 20'],
    [['--rate', 'max'], 'has no end', '--count N or --for'],
    [['--fault', 'fire'], '"fire" is unknown', FAULT_NAMES.join(', ')],
    [['--fault', 'stuck:0'], 'no valid number or share', 'stuck:3'],
    [['--fault', 'stuck:1.5'], 'no valid number or share', 'stuck:0.1'],
    [['--fault', 'stuck:200%'], 'no valid number or share', 'stuck:10%'],
    [['--fault', 'stuck:3:4'], 'no valid number or share', 'stuck:3'],
    [['--fault', 'stuck:11'], 'more devices than there are', 'at most 10'],
    [['--fault', 'stuck', '--fault', 'stuck:2'], 'given twice', 'give it once'],
    [['--qos', '3'], '--qos "3"', '0, 1, 2'],
    [['--topic', 'a/+/{device}'], 'wildcard', '{device}'],
    [['--topic', 'a/{name}'], 'unknown placeholder', '{site} and {device}'],
    [['--topic', ''], '--topic is empty', 'give it a value'],
    [['--topic', '$SYS/x'], 'starts with $', 'another first level'],
    [['--broker', 'localhost:1883'], 'not the address of a broker', 'mqtt://HOST:1883'],
    [['--broker', 'mqtt://me:secret@localhost'], '"mqtt://***@localhost" contains a login', '--password-env VARIABLE'],
    [['--broker', 'mqtt://localhost/?password=secret'], '"mqtt://localhost/?***" is', 'mqtt://HOST:1883'],
    [['--broker', 'http://localhost'], 'not the address of a broker', 'mqtt://HOST:1883'],
    [['--username', 'me', '--password-env', 'NOPE'], 'NOPE, which is not set', 'export it'],
    [['--password-env', 'EMPTY'], 'needs --username', 'add --username'],
    [['--speed', '600'], '--speed works only with --replay', 'add that'],
    [['--replay', 'a.csv', '--fault', 'stuck'], 'does not work with --replay', 'remove one'],
    [['--replay', 'a.csv', '--speed', 'fast'], '--speed "fast" is unknown', 'max'],
    [['--replay', 'a.csv', '--speed', '0'], '--speed "0" is unknown', '600'],
    [['--replay', 'a.csv', '--speed', '2', '--shift', 'now'], 'ahead of the clock', '--shift end'],
    [['--replay', '/nowhere/a.csv'], 'cannot read --replay /nowhere/a.csv', 'readable CSV'],
    [['--json=yes'], '--json takes no value', 'just --json'],
  ])('%j', async (args, what, remedy) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(what);
    expect(stderr).toContain(remedy);
  });

  test('all problems are reported at once', async () => {
    const { stderr } = await run('--devices', 'x', '--qos', 'y', '--every', 'z');
    expect(stderr.trim().split('\n')).toHaveLength(3);
  });
});

test('--help names every option, and --list-faults every fault with its times', async () => {
  const help = await run('--help');
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const option of [
    'broker',
    'devices',
    'rate',
    'fault',
    'replay',
    'speed',
    'shift',
    'password-env',
    'json',
    'count',
  ]) {
    expect(help.stdout).toContain(`--${option}`);
  }
  const { code, stdout } = await run('--list-faults');
  expect(code).toBe(0);
  for (const name of FAULT_NAMES) expect(stdout).toMatch(new RegExp(`^${name} +\\d+–\\d+ s`, 'm'));
});
