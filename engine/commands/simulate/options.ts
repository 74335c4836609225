import type { FaultSpec } from '../../simulator/assignment.ts';
import { type ArgumentReader, type BrokerLogin, createArgumentReader, type OptionName } from './arguments.ts';

/** The checked arguments of `weir simulate`. */
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
  /** Whether to send each message when it is due; otherwise as fast as possible. */
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

/** Parses the arguments. `problems` has one sentence with a remedy for each invalid one. */
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
        ? `--${name} works only with --replay FILE.csv; add that, or remove --${name}`
        : `--${name} does not work with --replay, which sends one recorded device; remove one of the two`,
    );
  }
  if (values.shift === 'now' && values.speed > 1) {
    problems.push(
      '--shift now with a --speed above 1 gives timestamps ahead of the clock; use --speed 1 or --shift end',
    );
  }
  if (values.replay === undefined && !values.paced && values.count === undefined && values.forMs === undefined) {
    problems.push('--rate max has no end, and timestamps would get ahead of the clock; add --count N or --for 30s');
  }
}
