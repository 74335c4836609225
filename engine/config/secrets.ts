import type { Secret } from '../model/config.ts';

/** The value of a secret, or the reason why there is none. The reason never contains the value. */
export type ResolvedSecret =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

/**
 * Reads a secret from the place that the config names. `readFile` returns the text of a file and may throw.
 * One line break at the end of a file is not part of the secret. An empty secret counts as missing.
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
    remedy: 'Set it in the environment in which Weir starts.',
  };
}

function resolveFile(path: string, readFile: (path: string) => string): ResolvedSecret {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return {
      ok: false,
      message: `The file ${path} cannot be read${code}.`,
      remedy: 'Create the file, and make it readable for Weir.',
    };
  }
  const value = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  if (value !== '') return { ok: true, value };
  return { ok: false, message: `The file ${path} is empty.`, remedy: 'Write the secret into it.' };
}
