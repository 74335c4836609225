// Makes sure that the servers which the tests talk to are there; installs them where it may.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = { mosquitto: 'mosquitto', mosquitto_sub: 'mosquitto-clients', 'nats-server': 'nats-server' };

function isInstalled(command) {
  // Servers live in sbin, which the PATH of an ordinary user lacks.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.some((folder) => existsSync(join(folder, command)));
}

/** Returns what is missing all the same, as lines for a person; empty when everything is there. */
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
  // The packages would start their servers at once; the tests start their own.
  spawnSync('sh', ['-c', `RUNLEVEL=1 ${command} -qq`], { stdio: ['ignore', 'ignore', 'inherit'], env });
  return missing.filter((each) => !isInstalled(each)).map((each) => `${each} could not be installed: ${command}`);
}
