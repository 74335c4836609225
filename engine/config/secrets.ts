import type { Secret } from '../model/config.ts';

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
