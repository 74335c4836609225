import { parseArgs } from 'node:util';
import { parseDuration } from '../../model/duration.ts';
import { checkFilter } from '../../model/topic.ts';
import { type DeadLetterFilter, type DeadLetterId, parseId } from './dead-letter.ts';

/** The parsed options of `weir deadletters`. Its help text has the defaults. */
export interface DeadLetterOptions {
  readonly verb: 'list' | 'show' | 'retry';
  readonly config: string;
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  readonly dryRun: boolean;
  readonly json: boolean;
}

const COMMON = {
  config: { type: 'string', default: 'deploy/weir.json' },
  json: { type: 'boolean', default: false },
} as const;
const FILTER = {
  stream: { type: 'string' },
  reason: { type: 'string' },
  topic: { type: 'string' },
  since: { type: 'string' },
} as const;
/** Options of each action. Any other option is an error. */
const OPTIONS = {
  list: { ...COMMON, ...FILTER, limit: { type: 'string', default: '50' }, all: { type: 'boolean', default: false } },
  show: COMMON,
  retry: {
    ...COMMON,
    ...FILTER,
    everything: { type: 'boolean', default: false },
    'dry-run': { type: 'boolean', default: false },
  },
} as const;

type Values = { readonly [name: string]: string | boolean | undefined };

/** Parses the arguments. Returns a text if they are wrong. `now`: milliseconds since the epoch. Throws the error of `parseArgs` for unknown options. */
export function parseOptions(args: readonly string[], now: number): DeadLetterOptions | string {
  const [verb = '', ...rest] = args;
  if (verb !== 'list' && verb !== 'show' && verb !== 'retry')
    return `name an action: ${Object.keys(OPTIONS).join(', ')}`;
  const parsed = parseArgs({ args: rest, allowPositionals: true, options: OPTIONS[verb] });
  const values = parsed.values as Values;
  const { positionals } = parsed;
  const ids = positionals.map(parseId);
  const unread = ids.indexOf(undefined);
  if (verb === 'list' && positionals.length > 0)
    return `list takes no ID; use \`weir deadletters show ${positionals[0]}\``;
  if (unread >= 0)
    return `"${positionals[unread]}" is not the ID of a dead letter; \`weir deadletters list\` shows the IDs`;
  if (verb === 'show' && ids.length !== 1) return 'show takes exactly one ID';
  const given = Object.keys(FILTER).filter((name) => values[name] !== undefined);
  const misuse = verb === 'retry' ? checkSelection(positionals, given, values.everything === true) : undefined;
  const fault = misuse ?? findFault(values);
  if (fault !== undefined) return fault;
  const [{ stream, reason, topic }, { since }] = [values as Partial<Record<string, string>>, values];
  return {
    verb,
    config: String(values.config),
    filter: {
      stream,
      reason,
      topic,
      since: typeof since === 'string' ? now - parseDuration(since)! : undefined,
      ...(ids.length > 0 && { ids: ids as readonly DeadLetterId[] }),
      // An ID also selects a dead letter that was retried.
      retried: values.all === true || ids.length > 0,
    },
    limit: Number(values.limit),
    dryRun: values['dry-run'] === true,
    json: values.json === true,
  };
}

/** What is wrong with the selection of dead letters to retry. */
function checkSelection(ids: readonly string[], given: readonly string[], everything: boolean): string | undefined {
  if (ids.length + given.length === 0 && !everything) {
    return 'select the dead letters to retry: IDs, --reason, --stream, --topic, --since, or --everything';
  }
  const [other] = [...ids, ...given.map((name) => `--${name}`)];
  return everything && other !== undefined ? `--everything cannot be combined with ${other}` : undefined;
}

function findFault({ since, topic, limit }: Values): string | undefined {
  if (typeof since === 'string' && parseDuration(since) === undefined)
    return '--since must be a duration such as 30m, 2h or 7d';
  const fault = typeof topic === 'string' ? checkFilter(topic) : undefined;
  if (fault !== undefined) return `--topic: ${fault.message.replace(/\.$/, '')}. ${fault.remedy.replace(/\.$/, '')}`;
  const isCount =
    limit === undefined || (Number.isInteger(Number(limit)) && Number(limit) > 0 && Number(limit) <= 10_000);
  return isCount ? undefined : '--limit must be a whole number from 1 to 10000';
}
