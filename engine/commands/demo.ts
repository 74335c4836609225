import { resolve } from 'node:path';
import { lockFolder } from '../journal/lock.ts';
import { makeFolder } from '../journal/make-folder.ts';
import type { Command, CommandIo } from './command.ts';
import { conduct } from './demo/conduct.ts';
import { createDisplay, type Display } from './demo/display.ts';
import { startEngine } from './demo/engine.ts';
import { Broken, CannotStart, messageOf } from './demo/failure.ts';
import { type DemoOptions, parseDemoArguments } from './demo/options.ts';
import type { Cast } from './demo/run.ts';
import { startServers } from './demo/servers.ts';
import { renderSummary } from './demo/summary.ts';
import { openWatch } from './demo/watch.ts';
import { BrokerUnavailable } from './simulate/fleet.ts';

const HELP = `Usage: weir demo [OPTIONS]

Starts everything on this machine: an MQTT broker, NATS with JetStream, ClickHouse, the engine with the rules that come with it, and a
fleet of simulated devices with faults. Shows what happens, and at the end counts at every far end whether anything was lost.

  --for TIME        stop after this time, such as 30s or 5m (until Ctrl-C)
  --devices N       (50)
  --every TIME      each device reports this often (1s)
  --seed N          the same seed gives the same devices and faults (1)
  --fault NAME[:N]  one device, N of them, or a share such as 0.1 or 10%; repeatable. Replaces the usual mixture of
                    overheating, spikes, stuck, silence, garbage, clock-skew and reordering; also: drift, disconnect, duplicates
  --dir FOLDER      where all data, the config and the log are kept; another run goes on with them (.weir/demo)
  --json            print only one line of JSON at the end; with npm: npm run --silent demo -- --json

Ctrl-C ends it cleanly: what was published is waited for. A second one ends everything at once; the next run goes on all the same.
You may publish readings of your own meanwhile; they are counted apart.

Exit codes: 0 nothing lost, 1 something was, or could not be started, 2 used wrongly.`;

/** `weir demo`: the whole chain on one machine, from simulated devices to alerts and tables. */
export const demo: Command = {
  name: 'demo',
  summary: 'Start everything here, with simulated devices, and watch',
  help: HELP,
  async run(args, io) {
    const { options, problems } = parseDemoArguments(args);
    if (problems.length > 0) return fail(io, problems, 2);
    const display = createDisplay(io, options.json);
    try {
      return await runDemo(options, display, io);
    } catch (error) {
      const expected = error instanceof CannotStart || error instanceof Broken || error instanceof BrokerUnavailable;
      if (!expected) throw error;
      return fail(io, [error.message], 1);
    }
  },
};

async function runDemo(options: DemoOptions, display: Display, io: CommandIo): Promise<number> {
  const dir = resolve(options.dir);
  const unlock = occupy(dir);
  try {
    return await runServers(dir, options, display, io);
  } finally {
    unlock();
  }
}

/** Makes the folder its own; returns how to give it back. */
function occupy(dir: string): () => void {
  try {
    makeFolder(dir);
    return lockFolder(dir);
  } catch (error) {
    throw new CannotStart(messageOf(error));
  }
}

/** Everything is ended in the opposite order, however the run ends. */
async function runServers(dir: string, options: DemoOptions, display: Display, io: CommandIo): Promise<number> {
  display.say('starting an MQTT broker, NATS and ClickHouse …');
  const servers = await startServers(dir);
  try {
    display.say('starting the engine …');
    const engine = await startEngine(dir, servers, options.devices, io.signal);
    try {
      if (io.signal.aborted) throw new CannotStart('stopped before the first reading');
      return await runWatched({ options, servers, engine, display, signal: io.signal }, io);
    } finally {
      await engine.stop();
    }
  } finally {
    await servers.stop();
  }
}

async function runWatched(cast: Omit<Cast, 'watch'>, io: CommandIo): Promise<number> {
  const watch = await openWatch(cast.servers, cast.engine, cast.options.devices);
  try {
    const { verdict, stored } = await conduct({ ...cast, watch });
    const { json } = cast.options;
    const lines = json ? [JSON.stringify(verdict.figures)] : renderSummary(verdict, stored);
    io.stdout.write(`${lines.join('\n')}\n`);
    if (verdict.problems.length === 0) return 0;
    return json ? fail(io, verdict.problems, 1) : 1;
  } finally {
    await watch.close();
  }
}

function fail(io: CommandIo, lines: readonly string[], exitCode: number): number {
  io.stderr.write(`${lines.map((line) => `weir demo: ${line}`).join('\n')}\n`);
  return exitCode;
}
