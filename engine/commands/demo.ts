import { resolve } from 'node:path';
import { lockFolder } from '../journal/lock.ts';
import { makeFolder } from '../journal/make-folder.ts';
import type { Command, CommandIo } from './command.ts';
import { createDisplay, type Display } from './demo/display.ts';
import { startEngine } from './demo/engine.ts';
import { messageOf, PartFailed, StartFailed } from './demo/errors.ts';
import { type DemoOptions, parseDemoArguments } from './demo/options.ts';
import type { DemoParts } from './demo/run.ts';
import { runAndCheck } from './demo/run-and-check.ts';
import { startMonitor } from './demo/run-monitor.ts';
import { startServers } from './demo/servers.ts';
import { renderSummary } from './demo/summary.ts';
import { BrokerUnavailable } from './simulate/fleet.ts';

const HELP = `Usage: weir demo [OPTIONS]

Starts a whole system on this machine: an MQTT broker, NATS with JetStream, ClickHouse, the engine with its example rules, and simulated
devices with faults. Shows readings and alerts live. At the end it counts every message at its destination and reports any loss.

  --for TIME        stop after this time, such as 30s or 5m (until Ctrl-C)
  --devices N       number of simulated devices (50)
  --every TIME      interval between the readings of a device (1s)
  --seed N          the same seed gives the same devices and faults (1)
  --fault NAME[:N]  give one device this fault, or N devices, or a share such as 0.1 or 10%; repeatable. Replaces the default mix of
                    overheating, spikes, stuck, silence, garbage, clock-skew and reordering; also: drift, disconnect, duplicates
  --dir FOLDER      folder for all data, the config and the log; the next run continues with them (.weir/demo)
  --json            print only one line of JSON at the end; with npm: npm run --silent demo -- --json

Ctrl-C stops the demo after everything that was published has arrived. A second Ctrl-C stops everything at once; the next run still
continues with the data. You can publish your own readings while the demo runs; they are counted separately.

Exit codes: 0 nothing lost, 1 messages lost or demo failed, 2 wrong arguments.`;

/** `weir demo`: the whole chain on one machine, from simulated devices to alerts and tables. */
export const demo: Command = {
  name: 'demo',
  summary: 'Run the whole system on this machine, with simulated devices',
  help: HELP,
  async run(args, io) {
    const { options, problems } = parseDemoArguments(args);
    if (problems.length > 0) return fail(io, problems, 2);
    const display = createDisplay(io, options.json);
    try {
      return await runDemo(options, display, io);
    } catch (error) {
      const expected =
        error instanceof StartFailed || error instanceof PartFailed || error instanceof BrokerUnavailable;
      if (!expected) throw error;
      return fail(io, [error.message], 1);
    }
  },
};

async function runDemo(options: DemoOptions, display: Display, io: CommandIo): Promise<number> {
  const dir = resolve(options.dir);
  const unlock = lockDemoFolder(dir);
  try {
    return await runServers(dir, options, display, io);
  } finally {
    unlock();
  }
}

/** Creates the folder if needed and locks it; returns a function that unlocks it. */
function lockDemoFolder(dir: string): () => void {
  try {
    makeFolder(dir);
    return lockFolder(dir);
  } catch (error) {
    throw new StartFailed(messageOf(error));
  }
}

/** Starts the servers and the engine, runs the demo, and always stops them in the opposite order. */
async function runServers(dir: string, options: DemoOptions, display: Display, io: CommandIo): Promise<number> {
  display.say('starting an MQTT broker, NATS and ClickHouse …');
  const servers = await startServers(dir);
  try {
    display.say('starting the engine …');
    const engine = await startEngine(dir, servers, options.devices, io.signal);
    try {
      if (io.signal.aborted) throw new StartFailed('the demo was stopped before the first reading');
      return await runMonitored({ options, servers, engine, display, signal: io.signal }, io);
    } finally {
      await engine.stop();
    }
  } finally {
    await servers.stop();
  }
}

async function runMonitored(parts: Omit<DemoParts, 'monitor'>, io: CommandIo): Promise<number> {
  const monitor = await startMonitor(parts.servers, parts.engine, parts.options.devices);
  try {
    const { result, stored } = await runAndCheck({ ...parts, monitor });
    const { json } = parts.options;
    const lines = json ? [JSON.stringify(result.figures)] : renderSummary(result, stored);
    io.stdout.write(`${lines.join('\n')}\n`);
    if (result.problems.length === 0) return 0;
    return json ? fail(io, result.problems, 1) : 1;
  } finally {
    await monitor.close();
  }
}

function fail(io: CommandIo, lines: readonly string[], exitCode: number): number {
  io.stderr.write(`${lines.map((line) => `weir demo: ${line}`).join('\n')}\n`);
  return exitCode;
}
