import { describe, expect, it } from 'vitest';
import { resolveSecret } from '../../engine/config/secrets.ts';

const files: Readonly<Record<string, string>> = {
  '/run/a': 'hunter2\n',
  '/run/windows': '\uFEFFhunter2\r\n',
  '/run/spaces': ' hunter2 \n\n',
  '/run/empty': '\n',
};
const env = { A: 'hunter2', EMPTY: '' };

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(`ENOENT hunter2 ${path}`), { code: 'ENOENT' });
  return text;
}

describe('a secret', () => {
  it.each([
    ['in the config', 'hunter2', 'hunter2'],
    ['in the environment', { env: 'A' }, 'hunter2'],
    ['in a file', { file: '/run/a' }, 'hunter2'],
    ['in a file from Windows', { file: '/run/windows' }, 'hunter2'],
    ['with spaces', { file: '/run/spaces' }, ' hunter2 \n'],
  ])('%s is found', (_name, secret, value) => {
    expect(resolveSecret(secret, env, readFile)).toEqual({ ok: true, value });
  });

  it.each([
    ['without its variable', { env: 'B' }, 'The environment variable B is not set.'],
    ['named as an object has it', { env: 'toString' }, 'The environment variable toString is not set.'],
    ['in an empty variable', { env: 'EMPTY' }, 'The environment variable EMPTY is empty.'],
    ['without its file', { file: '/run/b' }, 'The file /run/b cannot be read (ENOENT).'],
    ['in an empty file', { file: '/run/empty' }, 'The file /run/empty is empty.'],
  ])('%s is a sentence', (_name, secret, message) => {
    expect(resolveSecret(secret, env, readFile)).toMatchObject({ ok: false, message });
  });
});
