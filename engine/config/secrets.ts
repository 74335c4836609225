import type { BrokerConfig, Config, Secret } from '../model/config.ts';
import { hideUserinfo } from '../model/report.ts';

/** A secret, or why there is none; the reason never tells the value. */
export type ResolvedSecret =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

/**
 * Fetches a secret from where the config says it is. `readFile` gives the text of a file and may throw.
 * One line break at the end of a file is not part of the secret. An empty secret counts as none.
 */
export function resolveSecret(
  secret: Secret,
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): ResolvedSecret {
  if (typeof secret === 'string') return { ok: true, value: secret };
  if ('env' in secret) return resolveVariable(secret.env, env);
  return resolveFile(secret.file, readFile);
}

function resolveVariable(name: string, env: Readonly<Record<string, string | undefined>>): ResolvedSecret {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && value !== '') return { ok: true, value };
  const state = value === undefined ? 'not set' : 'empty';
  return {
    ok: false,
    message: `The environment variable ${name} is ${state}.`,
    remedy: 'Set it where Weir is started.',
  };
}

function resolveFile(path: string, readFile: (path: string) => string): ResolvedSecret {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { ok: false, message: `The file ${path} cannot be read${code}.`, remedy: 'Make it, and let Weir read it.' };
  }
  const value = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  if (value !== '') return { ok: true, value };
  return { ok: false, message: `The file ${path} is empty.`, remedy: 'Write the secret into it.' };
}

/** What stands in place of a secret. */
const HIDDEN = '***';

/**
 * The config without its secrets, for printing: passwords, tokens, user names (some services take tokens by that name)
 * and user:password inside URLs. Names of environment variables and files stay.
 */
export function redact(config: Config): Config {
  const { nats, clickhouse } = config;
  return {
    ...config,
    mqtt: config.mqtt.map(
      (broker): BrokerConfig => ({ ...broker, url: hideUserinfo(broker.url), ...redactLogin(broker) }),
    ),
    nats: {
      ...nats,
      servers: nats.servers.map(hideUserinfo),
      ...redactLogin(nats),
      ...(nats.token === undefined ? {} : { token: hide(nats.token) }),
    },
    clickhouse: { ...clickhouse, url: hideUserinfo(clickhouse.url), ...redactLogin(clickhouse) },
  };
}

function hide(secret: Secret): Secret {
  return typeof secret === 'string' ? HIDDEN : secret;
}

function redactLogin({ username, password }: { readonly username?: Secret; readonly password?: Secret }) {
  return {
    ...(username === undefined ? {} : { username: hide(username) }),
    ...(password === undefined ? {} : { password: hide(password) }),
  };
}
