import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { sinceStart } from '../../../engine/commands/demo/counts.ts';
import { hintsFor } from '../../../engine/commands/demo/hints.ts';
import { parseMetrics } from '../../../engine/commands/demo/metrics.ts';
import { DEFAULT_FAULTS, parseDemoArguments } from '../../../engine/commands/demo/options.ts';
import { createRate } from '../../../engine/commands/demo/rate.ts';
import { demo } from '../../../engine/commands/demo.ts';

describe('parseDemoArguments', () => {
  test('has a default for everything', () => {
    expect(parseDemoArguments([])).toEqual({
      options: {
        forMs: undefined,
        json: false,
        devices: 50,
        everyMs: 1_000,
        seed: 1,
        faults: DEFAULT_FAULTS,
        dir: '.weir/demo',
      },
      problems: [],
    });
  });

  test('takes every option', () => {
    const args =
      '--for 30s --json --devices 8 --every 250ms --seed 7 --dir d --fault stuck --fault spikes:25% --fault drift:2';
    expect(parseDemoArguments(args.split(' '))).toEqual({
      options: {
        forMs: 30_000,
        json: true,
        devices: 8,
        everyMs: 250,
        seed: 7,
        dir: 'd',
        faults: [
          { name: 'stuck', devices: { count: 1 } },
          { name: 'spikes', devices: { share: 0.25 } },
          { name: 'drift', devices: { count: 2 } },
        ],
      },
      problems: [],
    });
  });

  test.each([
    ['--for 30', /^--for "30" is not a duration/],
    ['--devices 0', /^--devices "0" is not valid; write a whole number from 1/],
    ['--every 0s', /^--every "0s" is not a duration/],
    ['--seed x', /^--seed "x" is not valid/],
    ['--fault nonsense', /^--fault "nonsense" is unknown; choose one of overheating, /],
    ['--fault stuck:0', /^--fault "stuck:0" has no valid number or share/],
    ['--fault stuck:1.5', /has no valid number or share/],
    ['--fault stuck --fault stuck:2', /^--fault stuck is given twice/],
    ['--devices 3 --fault stuck:4', /needs more devices than there are; use at most 3/],
    ['--dir=', /^--dir is empty/],
  ])('%s', (args, problem) => {
    const { problems } = parseDemoArguments(args.split(' '));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('throws for an option that does not exist, as the command line expects', () => {
    expect(() => parseDemoArguments(['--fautl', 'stuck'])).toThrow(
      expect.objectContaining({ code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' }),
    );
  });
});

test('a demo with wrong arguments reports all of them, starts nothing, and exits with 2', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const code = await demo.run(['--devices', 'x', '--seed', 'y'], { stdout, stderr, env: {}, signal });
  stdout.end();
  stderr.end();
  expect(code).toBe(2);
  expect(await text(stdout)).toBe('');
  expect((await text(stderr)).match(/^weir demo: --/gm)).toHaveLength(2);
});

describe('hintsFor', () => {
  const places = {
    clickhouseUrl: 'http://127.0.0.1:1',
    natsPort: 2,
    mqttPort: 4,
    engineUrl: 'http://127.0.0.1:3',
    configFile: '/data/weir.json',
    logFile: '/data/weir.log',
  };

  test('gives commands that a shell and Node can parse, inside and outside of the project', () => {
    for (const cwd of [process.cwd(), '/']) {
      const { curl, subscribe, publish } = hintsFor({ ...places, cwd });
      const read = (command: string) =>
        spawnSync('sh', ['-c', `set -- ${command}; printf '%s\\0' "$@"`], { encoding: 'utf8' }).stdout.split('\0');
      expect(read(curl).slice(0, 3)).toEqual(['curl', 'http://127.0.0.1:1', '-d']);
      const [node, flag, script] = read(subscribe);
      expect([node, flag]).toEqual(['node', '-e']);
      // Nothing listens on this port, so the error shows that the client was found.
      const run = spawnSync(process.execPath, ['-e', String(script)], { cwd, encoding: 'utf8' });
      expect(run.stderr).toContain('CONNECTION_REFUSED');
      const words = read(publish);
      expect(words.slice(words.indexOf('pub'), -2)).toEqual([
        'pub',
        '-p',
        '4',
        '-q',
        '1',
        '-t',
        'plant/home/mine/data',
        '-m',
      ]);
      expect(JSON.parse(words.at(-2)!)).toEqual({ ts: expect.any(Number), battery: 9 });
      const help = spawnSync('sh', ['-c', publish.replace(/ -p .*/, ' --help')], { cwd, encoding: 'utf8' });
      expect(help.stdout).toContain('mqtt pub');
    }
  });

  test('gives paths relative to the current folder', () => {
    expect(hintsFor({ ...places, cwd: '/data' })).toMatchObject({ config: 'weir.json', log: 'weir.log' });
  });
});

test('parseMetrics reads series without labels and skips comments and labelled ones', () => {
  const page = '# HELP a b\n# TYPE a counter\na 5\nweir_ready{part="x"} 1\nb 1.5e3\n\n';
  expect([...parseMetrics(page)]).toEqual([
    ['a', 5],
    ['b', 1_500],
  ]);
});

test('drops before the first message do not count for this run; later drops do', () => {
  const figures = (lost: number, shed: number) => ({
    journaled: 0,
    redelivered: 0,
    nextOffset: 0,
    lagMs: 0,
    pendingBytes: 0,
    residentBytes: 0,
    paused: false,
    dropped: [['shed (QoS 0)', shed] as const, ['sessions lost', lost] as const],
  });
  const before = figures(1, 0);
  expect(sinceStart(before, before).dropped).toEqual([]);
  expect(sinceStart(figures(2, 3), before).dropped).toEqual([
    ['shed (QoS 0)', 3],
    ['sessions lost', 1],
  ]);
});

test('a rate covers the last five seconds', () => {
  const rate = createRate();
  expect(rate.value()).toBe(0);
  rate.sample(0, 0);
  expect(rate.value()).toBe(0);
  for (let second = 1; second <= 10; second++) rate.sample(second * 1_000, second * 10);
  expect(rate.value()).toBe(10);
  for (let second = 11; second <= 16; second++) rate.sample(second * 1_000, 100);
  expect(rate.value()).toBe(0);
});
