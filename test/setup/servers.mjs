// Checks that the servers for the tests are installed, and installs them if it is allowed to.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = { mosquitto: 'mosquitto', mosquitto_sub: 'mosquitto-clients', 'nats-server': 'nats-server' };

function isInstalled(command) {
  // Servers are installed in sbin, which is not on the PATH of an ordinary user.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.some((folder) => existsSync(join(folder, command)));
}

/** Returns one line of text for each server that is still missing; empty if there is none. */
export function ensureServers() {
  const missing = Object.keys(PACKAGES).filter((command) => !isInstalled(command));
  if (missing.length === 0) return [];
  const packages = missing.map((command) => PACKAGES[command]);
  const command = `apt-get install -y ${packages.join(' ')}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    return [`The tests need ${missing.join(' and ')}. Install them: sudo ${command}`];
  }
  console.log(`Installing ${packages.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env });
  // The packages would start their servers at once, but the tests start their own.
  spawnSync('sh', ['-c', `RUNLEVEL=1 ${command} -qq`], { stdio: ['ignore', 'ignore', 'inherit'], env });
  return missing.filter((each) => !isInstalled(each)).map((each) => `${each} could not be installed: ${command}`);
}
