import type { FaultSpec } from '../../simulator/assignment.ts';
import { type ArgumentReader, type BrokerLogin, createArgumentReader, type OptionName } from './arguments.ts';

/** The arguments of `weir simulate`, checked one by one and against each other. */
export interface SimulateArguments {
  readonly help: boolean;
  readonly listFaults: boolean;
  readonly json: boolean;
  readonly broker: BrokerLogin;
  readonly devices: number;
  readonly everyMs: number;
  readonly seed: number;
  readonly faults: readonly FaultSpec[];
  readonly forMs: number | undefined;
  readonly count: number | undefined;
  /** Send when due, or without pacing. */
  readonly paced: boolean;
  readonly qos: 0 | 1 | 2;
  readonly topic: string;
  readonly replay: string | undefined;
  readonly speed: number;
  readonly shift: 'keep' | 'now' | 'end';
  readonly device: string;
  readonly field: string;
}

const FLEET_ONLY: readonly OptionName[] = ['devices', 'every', 'seed', 'fault', 'rate'];
const REPLAY_ONLY: readonly OptionName[] = ['speed', 'shift', 'device', 'field'];

/** Reads the arguments; every fault found stands in `problems`, one sentence with its remedy each. */
export function parseSimulateArguments(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly values: SimulateArguments; readonly problems: readonly string[] } {
  const reader = createArgumentReader(args);
  const devices = reader.integer('devices', 10, 1, 1_000_000);
  const replay = reader.text('replay');
  const shift = reader.choice('shift', ['now', 'end'] as const);
  const speed = reader.speed();
  const pace = reader.pace(devices);
  const values: SimulateArguments = {
    help: reader.flag('help'),
    listFaults: reader.flag('list-faults'),
    json: reader.flag('json'),
    broker: reader.broker(env),
    devices,
    ...pace,
    seed: reader.integer('seed', 1, 0, Number.MAX_SAFE_INTEGER),
    faults: reader.faults(devices),
    forMs: reader.given('for') ? reader.duration('for', 0) : undefined,
    count: reader.given('count') ? reader.integer('count', 0, 1, Number.MAX_SAFE_INTEGER) : undefined,
    qos: Number(reader.choice('qos', ['0', '1', '2'] as const) ?? '1') as 0 | 1 | 2,
    topic: reader.topic(),
    replay,
    speed,
    shift: shift ?? 'keep',
    device: reader.text('device') ?? 'machine-1',
    field: reader.text('field') ?? 'temp',
  };
  checkTogether(values, reader);
  return { values, problems: reader.problems };
}

function checkTogether(values: SimulateArguments, { given, problems }: ArgumentReader): void {
  for (const name of values.replay === undefined ? REPLAY_ONLY : FLEET_ONLY) {
    if (!given(name)) continue;
    problems.push(
      values.replay === undefined
        ? `--${name} belongs to --replay FILE.csv; add that, or leave --${name} out`
        : `--${name} does not go with --replay, which sends one recorded device; leave one of the two out`,
    );
  }
  if (values.shift === 'now' && values.speed > 1) {
    problems.push(
      '--shift now with a --speed above 1 gives stamps that run ahead of the clock; use --speed 1 or --shift end',
    );
  }
  if (values.replay === undefined && !values.paced && values.count === undefined && values.forMs === undefined) {
    problems.push(
      '--rate max does not say when to stop, and stamps would run ahead of the clock; add --count N or --for 30s',
    );
  }
}
