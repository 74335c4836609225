import { readFile } from 'node:fs/promises';
import { formatProblem } from '../document/problem.ts';
import { type Point, parseSeries } from '../simulator/series.ts';
import type { Command, CommandIo } from './command.ts';
import { BrokerUnavailable, hostOf, runSimulation, type SimulationOptions } from './simulate/fleet.ts';
import { parseSimulateArguments, type SimulateArguments } from './simulate/options.ts';
import { createProgressPrinter, describe, introduce, listFaults } from './simulate/text.ts';

const HELP = `Usage: weir simulate [options]
       weir simulate --replay FILE.csv [options]

Publishes the readings of simulated devices, or of a recorded series, to an MQTT broker.
The same options and seed give the same messages, except for the timestamps, which start now.

Fleet
  --devices N           number of devices (10): dev-0001, dev-0002, … at site-a to site-d
  --every TIME          time between two readings of a device (5s)
  --rate N/s | max      messages per second of all devices together, instead of --every; max: as fast as the broker
                        accepts them, with timestamps --every apart that start in the past (needs --count or --for)
  --seed N              whole number from 0 (1)
  --fault NAME[:SIZE]   give some devices a fault; repeatable. SIZE is a number of devices (3) or a
                        share of them (0.1, 10%); without it, one device
  --list-faults         show the faults, with their start times and durations

Replay
  --replay FILE.csv     lines timestamp,value: ISO 8601 or YYYY-MM-DD HH:MM:SS (read as UTC), or seconds or
                        milliseconds since 1970; a header is skipped
  --speed N | max       times faster than recorded (1); max: as fast as the broker accepts it
  --shift now | end     shift all timestamps so that the first, or the last, is now; default: keep them
  --device ID           id of the device (machine-1)
  --field NAME          name of the field with the value (temp)

Delivery
  --broker URL          mqtt://HOST:PORT or mqtts://HOST:PORT (mqtt://127.0.0.1:1883)
  --topic TEMPLATE      may contain {site} and {device} (plant/{site}/{device}/data)
  --qos 0|1|2           quality of service (1)
  --username NAME       use it with --password-env VARIABLE, the environment variable with the password
  --for TIME            stop after this time
  --count N             stop after this many messages; without --for and --count: until Ctrl-C
  --json                print only one line of JSON at the end: acknowledged messages by kind and by fault

Exit codes: 0 done, 1 broker not reached or messages not acknowledged, 2 wrong arguments.`;

/** `weir simulate`: publishes the readings of a fleet of healthy or faulty devices, or of a recorded series. */
export const simulate: Command = {
  name: 'simulate',
  summary: 'Publish readings of simulated or recorded devices to a broker',
  help: HELP,
  async run(args, io) {
    const { values, problems } = parseSimulateArguments(args, io.env);
    if (values.help) return print(io, HELP);
    if (problems.length > 0)
      return fail(
        io,
        problems.map((problem) => `weir simulate: ${problem}`),
        2,
      );
    if (values.listFaults) return print(io, listFaults());
    const points = values.replay === undefined ? undefined : await readPoints(values.replay, io);
    if (typeof points === 'number') return points;
    return publish(values, points, io);
  },
};

async function publish(
  values: SimulateArguments,
  points: readonly Point[] | undefined,
  io: CommandIo,
): Promise<number> {
  const options = optionsOf(values, points, io);
  if (!values.json) print(io, introduce(values, points));
  const show = values.json ? undefined : createProgressPrinter(io, values.paced);
  try {
    const report = await runSimulation(options, io.signal, show?.progress);
    show?.end();
    print(io, values.json ? JSON.stringify(report) : describe(report));
    return report.unacknowledged === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof BrokerUnavailable)) throw error;
    show?.end();
    return fail(io, [`weir simulate: ${error.message}; check --broker, --username and that the broker runs`], 1);
  }
}

function optionsOf(values: SimulateArguments, points: readonly Point[] | undefined, io: CommandIo): SimulationOptions {
  const { devices, everyMs, seed, faults, speed, shift, device, field, count, forMs } = values;
  return {
    broker: values.broker,
    source:
      points === undefined
        ? { kind: 'fleet', devices, everyMs, seed, faults }
        : { kind: 'replay', points, speed, shift, device, field },
    topic: values.topic,
    qos: values.qos,
    paced: values.paced,
    ...(count !== undefined && { count }),
    ...(forMs !== undefined && { forMs }),
    onConnection: createConnectionPrinter(values.broker.url, io),
  };
}

/** Prints once why the connection is lost, not at every retry, and prints when it is back. */
function createConnectionPrinter(url: string, io: CommandIo): (connected: boolean, reason?: string) => void {
  let printed: string | undefined;
  return (connected, reason) => {
    if (connected && printed !== undefined) io.stderr.write(`weir simulate: connected to ${hostOf(url)}\n`);
    if (!connected && reason !== printed)
      io.stderr.write(`weir simulate: no connection to ${hostOf(url)} (${reason}); trying again\n`);
    printed = connected ? undefined : reason;
  };
}

async function readPoints(file: string, io: CommandIo): Promise<readonly Point[] | number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return fail(
      io,
      [`weir simulate: cannot read --replay ${file} (${(error as Error).message}); give a readable CSV file`],
      2,
    );
  }
  const { points, problems } = parseSeries(text, file);
  if (problems.length === 0) return points;
  const shown = problems.slice(0, 20).map(formatProblem);
  if (problems.length > shown.length) shown.push(`… and ${problems.length - shown.length} more`);
  return fail(io, shown, 2);
}

function print(io: CommandIo, text: string): number {
  io.stdout.write(`${text}\n`);
  return 0;
}

function fail(io: CommandIo, lines: readonly string[], exitCode: number): number {
  io.stderr.write(`${lines.join('\n')}\n`);
  return exitCode;
}
