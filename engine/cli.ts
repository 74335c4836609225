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

/** Every verb; a new one is a file in commands/ and a word here. */
const COMMANDS: readonly Command[] = [run, demo, simulate, check, journal, deadletters];

/** Time for output to drain once a command is done. */
const EXIT_GRACE_MS = 2_000;

const HELP = `Usage: weir COMMAND [OPTIONS]

Stream-processing rules engine for the Internet of Things.

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}

\`weir COMMAND --help\` tells more. \`weir --version\` prints the version.
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
    // What parseArgs says of an option is meant for the user; everything else is a fault of ours.
    if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) throw error;
    const { message } = error as Error;
    const [, option = ''] = /^Unknown option '(--[^']+)'/.exec(message) ?? [];
    const near = guess(option, command.help.match(/--[a-z][a-z-]+/g) ?? []);
    io.stderr.write(`weir ${name}: ${message}\n${near}\`weir ${name} --help\` lists the options.\n`);
    return 2;
  }
}

/** What a misspelt word may have meant, as a sentence with a space behind it; empty where nothing is near. */
function guess(word: string, known: readonly string[]): string {
  const near = suggest(word, known);
  return near === undefined ? '' : `Did you mean ${near}? `;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

// Journal, checkpoints and whatever else a command makes hold messages as they came: for its user alone.
process.umask(0o077);

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one means it.
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  });
}

/** Nobody reads what the command says any more: it ends, and quietly where a pipe was closed, as behind `| head`. */
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
// Whatever a command left open does not keep the process: a supervisor waits for its end.
setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
