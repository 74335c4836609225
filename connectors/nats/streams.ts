import {
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats';
import type { EventOutput } from '../../engine/model/output.ts';
import { DeliveryError } from '../../engine/ports.ts';
import { toDeliveryError } from './errors.ts';

export type StreamName = NonNullable<EventOutput['stream']>;
type BucketName = NonNullable<EventOutput['kv']>['bucket'];

interface StreamPlan {
  readonly name: StreamName;
  readonly description: string;
  readonly subjects: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** How long the server remembers event ids. */
  readonly duplicateWindowMs: number;
  /** Examples of the subjects that we publish. A stream that an operator has created must accept all of them. */
  readonly samples: readonly string[];
}

const DAY_MS = 86_400_000;
/**
 * How long the server remembers ids. After an outage Weir reads back which events a stream has (see published.ts), up to a limit. This
 * window covers events beyond that limit, and events in flight when the connection is lost. Each id costs the server about 200 bytes.
 */
const DUPLICATE_WINDOW_MS = 2 * 3_600_000;
/** The duplicate window for events that may be many. */
const SHORT_DUPLICATE_WINDOW_MS = 10 * 60_000;

const STREAMS: readonly StreamPlan[] = [
  {
    name: 'WEIR_ALERTS',
    description: 'Alerts of Weir: firing, still firing, changed severity, or resolved.',
    subjects: 'weir.alerts.>',
    maxBytes: 512 * 1024 * 1024,
    maxAgeMs: 30 * DAY_MS,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
    samples: ['info', 'warning', 'critical'].map((severity) => `weir.alerts.${severity}.~sample.~sample`),
  },
  {
    name: 'WEIR_DEVICES',
    description: 'Devices that Weir detected as offline or online again.',
    subjects: 'weir.devices.>',
    maxBytes: 256 * 1024 * 1024,
    maxAgeMs: 30 * DAY_MS,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
    samples: ['online', 'offline'].map((state) => `weir.devices.${state}.~sample`),
  },
  {
    name: 'WEIR_FACTS',
    description: 'Results of the views of Weir: the facts of each window or reading.',
    subjects: 'weir.facts.>',
    maxBytes: 512 * 1024 * 1024,
    maxAgeMs: 7 * DAY_MS,
    duplicateWindowMs: SHORT_DUPLICATE_WINDOW_MS,
    samples: ['weir.facts.~sample.~sample'],
  },
  {
    name: 'WEIR_GAPS',
    description: 'Time ranges in which messages from a broker to Weir may be missing.',
    subjects: 'weir.gaps.>',
    maxBytes: 16 * 1024 * 1024,
    maxAgeMs: 90 * DAY_MS,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
    samples: ['weir.gaps.~sample'],
  },
];

/** Limit of consumers per stream or bucket, from all clients, so that a faulty client cannot exhaust the server. */
const MOST_CONSUMERS = 256;

export const STREAM_NAMES: readonly StreamName[] = STREAMS.map(({ name }) => name);

const BUCKETS: Readonly<Record<BucketName, string>> = {
  weir_alerts_open: 'Open alerts of Weir, by rule and key.',
  weir_devices: 'Last known state of each device.',
};

/**
 * Creates missing streams (file storage, the oldest messages are discarded first) and does not change existing ones. Rejects as fatal if
 * an existing one would not accept our events.
 */
export async function ensureStreams(manager: JetStreamManager): Promise<void> {
  for (const plan of STREAMS) {
    const existing = await findStream(manager, plan.name);
    if (existing !== undefined) checkStream(plan, existing);
    else await addStream(manager, plan);
  }
}

/** Opens the buckets, which checks them, and creates missing ones, with history 1 and no limit except that of consumers. */
export async function ensureBuckets(js: JetStreamClient): Promise<void> {
  for (const name of Object.keys(BUCKETS) as BucketName[]) {
    try {
      await addBucket(await js.jetstreamManager(), name);
      await js.views.kv(name, { history: 1, description: BUCKETS[name] });
    } catch (error) {
      throw toDeliveryError(error, `opening the KV bucket ${name}`);
    }
  }
}

async function findStream(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.code === 404) return undefined;
    throw toDeliveryError(error, `looking for the stream ${name}`);
  }
}

/** Creates a missing bucket in the same way as the client, plus a limit of consumers, for which the client has no option. */
async function addBucket(manager: JetStreamManager, name: BucketName): Promise<void> {
  if ((await findStream(manager, `KV_${name}`)) !== undefined) return;
  await manager.streams.add({
    name: `KV_${name}`,
    description: BUCKETS[name],
    subjects: [`$KV.${name}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_consumers: MOST_CONSUMERS,
    allow_direct: true,
    allow_rollup_hdrs: true,
    num_replicas: 1,
  });
}

async function addStream(manager: JetStreamManager, plan: StreamPlan): Promise<void> {
  const config: Partial<StreamConfig> = {
    name: plan.name,
    description: plan.description,
    subjects: [plan.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(plan.maxAgeMs),
    max_bytes: plan.maxBytes,
    duplicate_window: nanos(plan.duplicateWindowMs),
    max_consumers: MOST_CONSUMERS,
    num_replicas: 1,
  };
  await manager.streams.add(config).catch((error: unknown) => {
    throw toDeliveryError(error, `creating the stream ${plan.name} for ${plan.subjects}`);
  });
}

function checkStream(plan: StreamPlan, config: StreamConfig): void {
  const missing = plan.samples.find((sample) => !(config.subjects ?? []).some((filter) => matches(filter, sample)));
  const fault =
    missing !== undefined
      ? `has the subjects ${config.subjects?.join(', ') || '(none)'}, but must accept ${plan.subjects}`
      : config.no_ack
        ? 'has no_ack set, but Weir needs its acknowledgements'
        : config.sealed
          ? 'is sealed'
          : undefined;
  if (fault !== undefined) {
    throw new DeliveryError('fatal', `The NATS stream ${plan.name} ${fault}. Edit or remove it.`, 'STREAM_MISMATCH');
  }
}

/** Whether a stream's subject filter matches a subject. */
function matches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const tokens = subject.split('.');
  const rest = wanted.indexOf('>');
  if (rest >= 0 ? tokens.length <= rest : tokens.length !== wanted.length) return false;
  return wanted.every((token, i) => token === '>' || token === '*' || token === tokens[i]);
}
