import { type ParseArgsConfig, parseArgs } from 'node:util';
import { suggest } from '../../document/suggest.ts';
import { parseDuration } from '../../model/duration.ts';
import { hasUserinfo, maskUrl } from '../../model/url.ts';
import type { FaultSpec } from '../../simulator/assignment.ts';
import { parseFaultArguments } from './fault-arguments.ts';

const OPTIONS = {
  broker: { type: 'string' },
  devices: { type: 'string' },
  every: { type: 'string' },
  seed: { type: 'string' },
  fault: { type: 'string', multiple: true },
  for: { type: 'string' },
  count: { type: 'string' },
  rate: { type: 'string' },
  qos: { type: 'string' },
  topic: { type: 'string' },
  replay: { type: 'string' },
  speed: { type: 'string' },
  shift: { type: 'string' },
  device: { type: 'string' },
  field: { type: 'string' },
  username: { type: 'string' },
  'password-env': { type: 'string' },
  json: { type: 'boolean' },
  'list-faults': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

/** The long names of the options. */
export type OptionName = keyof typeof OPTIONS;

/** The address of the broker and the login. */
export interface BrokerLogin {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

/** Reads options one by one, each with its default. Adds one sentence with a remedy to `problems` for each invalid value. */
export interface ArgumentReader {
  readonly problems: string[];
  given(name: OptionName): boolean;
  flag(name: OptionName): boolean;
  text(name: OptionName): string | undefined;
  choice<T extends string>(name: OptionName, choices: readonly T[]): T | undefined;
  integer(name: OptionName, fallback: number, least: number, most: number): number;
  duration(name: OptionName, fallback: number): number;
  pace(devices: number): { readonly everyMs: number; readonly paced: boolean };
  speed(): number;
  topic(): string;
  faults(devices: number): readonly FaultSpec[];
  broker(env: Readonly<Record<string, string | undefined>>): BrokerLogin;
}

/** Splits the arguments into options. Unknown and incomplete options are added to `problems` at once. */
export function createArgumentReader(args: readonly string[]): ArgumentReader {
  const problems: string[] = [];
  const known = splitArguments(args, problems);
  const text = (name: OptionName) => {
    const value = known.get(name);
    if (value === '') problems.push(`--${name} is empty; give it a value or leave it out`);
    return typeof value === 'string' ? value : undefined;
  };
  const base = {
    problems,
    text,
    given: (name: OptionName) => known.has(name),
    flag: (name: OptionName) => known.get(name) === true,
  };
  const numbers = createNumberReader(base);
  return {
    ...base,
    ...numbers,
    topic: () => readTopic(base),
    faults: (devices) => parseFaultArguments((known.get('fault') ?? []) as readonly string[], devices, problems),
    broker: (env) => readBroker(base, env),
  };
}

type OptionValues = ReadonlyMap<string, string | boolean | readonly (string | boolean)[]>;

function splitArguments(args: readonly string[], problems: string[]): OptionValues {
  const known = new Map<string, string | boolean | readonly (string | boolean)[]>();
  const { values, positionals } = parseArgs({
    args: [...args],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
  });
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const wanted = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as OptionName].type : undefined;
    const dashes = name.length === 1 ? '-' : '--';
    const near = wanted === undefined ? suggest(name, Object.keys(OPTIONS)) : undefined;
    if (wanted === undefined)
      problems.push(
        `there is no option ${dashes}${name}; ${near === undefined ? '' : `did you mean --${near}? `}see weir simulate --help for all options`,
      );
    else if ([value].flat().every((one) => typeof one === wanted)) known.set(name, value);
    else if (wanted === 'string') problems.push(`--${name} needs a value; write --${name} VALUE`);
    else problems.push(`--${name} takes no value; write just --${name}`);
  }
  // If there is already a problem, a single word may be the value of that option.
  if (problems.length === 0) {
    for (const word of positionals) problems.push(`"${word}" is not an option; see weir simulate --help`);
  }
  return known;
}

type BaseReader = Pick<ArgumentReader, 'problems' | 'text' | 'given'>;

function createNumberReader({
  problems,
  text,
  given,
}: BaseReader): Pick<ArgumentReader, 'choice' | 'integer' | 'duration' | 'pace' | 'speed'> {
  const duration = (name: OptionName, fallback: number) => {
    const found = text(name);
    if (found === undefined) return fallback;
    const ms = parseDuration(found);
    if (ms !== undefined && ms >= 1) return ms;
    problems.push(
      `--${name} "${found}" is not a duration of 1 ms or more; write a number and a unit, such as 500ms, 5s, 2m or 1h`,
    );
    return fallback;
  };
  return {
    duration,
    choice(name, choices) {
      const found = text(name);
      const choice = choices.find((one) => one === found);
      if (found !== undefined && choice === undefined)
        problems.push(`--${name} "${found}" is unknown; choose one of ${choices.join(', ')}`);
      return choice;
    },
    integer(name, fallback, least, most) {
      const found = text(name);
      if (found === undefined) return fallback;
      const number = /^\d+$/.test(found) ? Number(found) : Number.NaN;
      if (number >= least && number <= most) return number;
      problems.push(`--${name} "${found}" is not valid; write a whole number from ${least} to ${most}`);
      return Math.max(least, fallback);
    },
    pace: (devices) => readPace({ problems, text, given }, duration('every', 5_000), devices),
    speed() {
      const found = text('speed') ?? '1';
      if (found === 'max') return Infinity;
      const speed = /^\d+(?:\.\d+)?x?$/.test(found) ? Number.parseFloat(found) : Number.NaN;
      if (speed > 0) return speed;
      problems.push(`--speed "${found}" is unknown; write max, or how many times faster than recorded, such as 600`);
      return 1;
    },
  };
}

function readPace(
  { problems, text, given }: BaseReader,
  everyMs: number,
  devices: number,
): { readonly everyMs: number; readonly paced: boolean } {
  const found = text('rate');
  if (found === undefined || found === 'max') return { everyMs, paced: found === undefined };
  const perSecond = Number(/^(\d+(?:\.\d+)?)\/s$/.exec(found)?.[1] ?? Number.NaN);
  if (!(perSecond > 0)) problems.push(`--rate "${found}" is unknown; write max, or messages per second such as 500/s`);
  else if (given('every')) problems.push('--rate and --every both set the interval; give only one of them');
  else if (perSecond <= devices * 1000) return { everyMs: (devices * 1000) / perSecond, paced: true };
  else {
    problems.push(
      `--rate ${found} from ${devices} devices would give two readings of a device the same timestamp; use --devices ${Math.ceil(perSecond / 1000)} or more`,
    );
  }
  return { everyMs, paced: true };
}

function readTopic({ problems, text }: BaseReader): string {
  const topic = text('topic') ?? 'plant/{site}/{device}/data';
  const rest = topic.replaceAll('{site}', '').replaceAll('{device}', '');
  if (/[+#\0]/.test(rest))
    problems.push(
      `--topic "${topic}" contains a wildcard, which is not allowed in a topic to publish to; write {site} or {device} instead`,
    );
  else if (/[{}]/.test(rest))
    problems.push(`--topic "${topic}" contains an unknown placeholder; use {site} and {device}`);
  else if (topic.startsWith('$'))
    problems.push(`--topic "${topic}" starts with $, which is reserved for brokers; choose another first level`);
  return topic;
}

function isBroker({ protocol, hostname, pathname, search, hash }: URL): boolean {
  const rest = `${pathname}${search}${hash}`;
  return /^mqtts?:$/.test(protocol) && hostname !== '' && (rest === '' || rest === '/');
}

function readBroker(
  { problems, text, given }: BaseReader,
  env: Readonly<Record<string, string | undefined>>,
): BrokerLogin {
  const fallback = 'mqtt://127.0.0.1:1883';
  const found = text('broker') ?? fallback;
  const fits = URL.canParse(found) && isBroker(new URL(found));
  if (hasUserinfo(found))
    problems.push(
      `--broker "${maskUrl(found)}" contains a login; remove it, and use --username NAME with --password-env VARIABLE`,
    );
  else if (!fits)
    problems.push(
      `--broker "${maskUrl(found)}" is not the address of a broker; write mqtt://HOST:1883 or mqtts://HOST:8883`,
    );
  const username = text('username');
  const variable = text('password-env');
  const password = variable === undefined ? undefined : env[variable];
  if (variable !== undefined && password === undefined)
    problems.push(`--password-env names ${variable}, which is not set; export it, or name another variable`);
  if (variable !== undefined && !given('username'))
    problems.push('--password-env needs --username; add --username NAME');
  return {
    url: fits ? found : fallback,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}
