import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseConfig } from '../../engine/config/parse.ts';
import type { Config } from '../../engine/model/config.ts';

/** The parts of a service of the compose file that the tests use. */
interface Service {
  readonly image: string;
  readonly read_only?: boolean;
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck: { readonly test: string | readonly string[]; readonly interval: string };
  readonly mem_limit: string;
  readonly restart: string;
  readonly stop_grace_period: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Text of a file of deploy/. */
export function deployed(name: string): string {
  return readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');
}

/** The compose file, with merged mappings and variables unchanged. */
export function readCompose(): Compose {
  return parse(deployed('compose.yaml'), { merge: true }) as Compose;
}

/** A service of the compose file. Throws if there is none with this name. */
export function serviceOf(name: string): Service {
  const service = readCompose().services[name];
  if (service === undefined) throw new Error(`compose.yaml has no service ${name}`);
  return service;
}

/** The `environment` of a service as its container gets it. Throws if a variable has no value and no default. */
export function environmentOf(
  name: string,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const fill = (text: string) =>
    text.replace(/\$\{(\w+)(?::([?-])([^}]*))?\}/g, (_, variable: string, operator?: string, rest = '') => {
      const value = values[variable] || (operator === '-' ? rest : undefined);
      if (value === undefined) throw new Error(`${variable} has no value`);
      return value;
    });
  return Object.fromEntries(
    Object.entries(serviceOf(name).environment).map(([variable, text]) => [variable, fill(String(text))]),
  );
}

/** deploy/weir.json as the container gets it. */
export function sampleConfig(): Config {
  const { config, problems } = parseConfig('/etc/weir/weir.json', deployed('weir.json'));
  if (config === undefined) throw new Error(problems.map(({ message }) => message).join('\n'));
  return config;
}

/** Replaces every `from` by `to`. Throws if there is none, so that no test uses an unchanged file. */
export function replaced(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`there is no ${JSON.stringify(from)} to adapt`);
    return before.replaceAll(from, to);
  }, text);
}

/** Passwords for the sample deployment. Those of NATS look like numbers, which its config language would misread without quotes. */
export const PASSWORDS = {
  WEIR_MQTT_PASSWORD: 'mqtt4weir',
  WEIR_DEVICES_PASSWORD: '00ff12',
  WEIR_NATS_PASSWORD: '1e5',
  WEIR_CONSUMER_PASSWORD: '42',
  WEIR_CLICKHOUSE_PASSWORD: '7clickhouse',
  WEIR_ANALYST_PASSWORD: '0',
} as const;
