#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { check } from './commands/check.ts';
import type { Command, CommandIo } from './commands/command.ts';
import { deadletters } from './commands/deadletters.ts';
import { demo } from './commands/demo.ts';
import { journal } from './commands/journal.ts';
import { createOutput } from './commands/output.ts';
import { run } from './commands/run.ts';
import { simulate } from './commands/simulate.ts';
import { suggest } from './document/suggest.ts';

/** All commands. To add one, add a file in commands/ and its name here. */
const COMMANDS: readonly Command[] = [run, demo, simulate, check, journal, deadletters];

/** Milliseconds to write the rest of the output after a command is done. */
const EXIT_GRACE_MS = 2_000;

const HELP = `Usage: weir COMMAND [OPTIONS]

Stream-processing rules engine for the Internet of Things.

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}

\`weir COMMAND --help\` describes a command. \`weir --version\` prints the version.
`;

async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    io.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    io.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((each) => each.name);
    io.stderr.write(`weir: there is no command "${name}". ${guess(name, names)}Commands: ${names.join(', ')}.\n`);
    return 2;
  }
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(`${command.help}\n`);
    return 0;
  }
  try {
    return await command.run(args, io);
  } catch (error) {
    // Messages of parseArgs are meant for the user. Any other error is a bug of Weir.
    if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) throw error;
    const { message } = error as Error;
    const [, option = ''] = /^Unknown option '(--[^']+)'/.exec(message) ?? [];
    const near = guess(option, command.help.match(/--[a-z][a-z-]+/g) ?? []);
    io.stderr.write(`weir ${name}: ${message}\n${near}\`weir ${name} --help\` lists the options.\n`);
    return 2;
  }
}

/** The known word that a misspelt one may mean, as a sentence with a trailing space; empty if no word is similar. */
function guess(word: string, known: readonly string[]): string {
  const near = suggest(word, known);
  return near === undefined ? '' : `Did you mean ${near}? `;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

// The journal, the checkpoints and other files contain the messages of devices: only the user of the process may read them.
process.umask(0o077);

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second signal ends the process at once.
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  });
}

/** The output cannot be written, so the command ends. It reports no error if the reader has closed the pipe, as `| head` does. */
let unwritten = false;
const stderr = createOutput(process.stderr, () => undefined);
const stdout = createOutput(process.stdout, (error) => {
  unwritten = error.code !== 'EPIPE';
  if (unwritten) stderr.write(`weir: the output cannot be written: ${error.message}\n`);
  abort.abort();
});

const code = await main(process.argv.slice(2), {
  stdout,
  stderr,
  env: process.env,
  signal: abort.signal,
  ...(process.stdout.isTTY && { terminal: process.stdout }),
});
process.exitCode = unwritten && code === 0 ? 1 : code;
// Open handles of a command do not keep the process alive, because a supervisor waits for its end.
setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
