import { COMMIT_MARK, HEADER_BYTES } from '../../engine/journal/checkpoint/format.ts';
import { crash, hasCut, hasMessages } from './steps.ts';
import { type Fault, wrapDisk, wrapFiles, wrapGroups } from './wrap-edges.ts';

/** A step of writing a section of a checkpoint to one of its two copies. */
interface SectionStep {
  readonly kind: 'header' | 'frames' | 'commit' | 'sync';
  readonly copy: 'a' | 'b';
  readonly generation: number;
  readonly isFull: boolean;
  /** How many sections with readings are durable. */
  readonly stored: number;
}

/** Replaces a step. `go` is the original one; `goHalf` writes only the first half of the bytes. */
type ReplaceStep = (step: SectionStep, go: () => Promise<void>, goHalf: () => Promise<void>) => Promise<void>;

/** Short, because a crash needs several checkpoints before it. */
const CHECKPOINT_MS = 300;
const FILE = /checkpoint-(\d+)-([ab])\.bin$/;

/** Calls `replace` instead of each step of writing a section. Checkpoints are made often. */
function wrapSections(replace: ReplaceStep): Fault {
  let hasReadings = false;
  let isFilled = false;
  let stored = 0;
  const watch = wrapGroups((go, records) => {
    isFilled ||= hasCut(records) && hasReadings;
    hasReadings ||= hasMessages(records);
    return go();
  });
  const intercept = wrapFiles(FILE, (file, path) => {
    const [, generation, copy] = FILE.exec(path) as unknown as [string, string, SectionStep['copy']];
    let isFull = true;
    const stepOf = (kind: SectionStep['kind']) => ({ kind, copy, generation: Number(generation), isFull, stored });
    return {
      write: async (bytes, offset = 0, length = bytes.length - offset) => {
        const write = (most: number) => async () => void (await file.write(bytes, offset, most));
        const kind = kindOf(bytes.subarray(offset, offset + length));
        await replace(stepOf(kind), write(length), write(Math.floor(length / 2)));
        return { bytesWritten: length };
      },
      sync: async () => {
        const sync = () => file.sync();
        await replace(stepOf('sync'), sync, sync);
        isFull = false;
        if (copy === 'a' && isFilled) stored += 1;
      },
    };
  });
  return (edges) => intercept(watch({ ...edges, checkpointMs: CHECKPOINT_MS }));
}

function kindOf(bytes: Buffer): SectionStep['kind'] {
  if (bytes.length === HEADER_BYTES) return 'header';
  return bytes.indexOf(COMMIT_MARK) === 0 ? 'commit' : 'frames';
}

/** Crashes at a step of a section of changes, once there is another section with readings. */
function atChanges(kind: SectionStep['kind'], replace: ReplaceStep): Fault {
  return wrapSections((step, go, goHalf) =>
    step.kind === kind && !step.isFull && step.stored > 0 ? replace(step, go, goHalf) : go(),
  );
}

/** The disk does not take changes in the first files, so that the engine writes new ones. */
function refuseChanges({ kind, generation, isFull, stored }: SectionStep): void {
  if (generation > 1 || isFull || stored === 0 || kind !== 'frames') return;
  throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
}

/** The steps of writing a checkpoint at which the engine crashes. */
export const CHECKPOINT_CRASHES = {
  'checkpoint-changes': () =>
    atChanges('frames', async (_, _go, goHalf) => {
      await goHalf();
      crash();
    }),
  // The other copy does not have the commit record.
  'checkpoint-one-copy': () =>
    atChanges('commit', async ({ copy }, go) => {
      if (copy === 'b') return new Promise(() => undefined);
      await go();
      crash();
    }),
  'checkpoint-unsynced': () => atChanges('sync', async () => crash()),
  'checkpoint-full': () =>
    wrapSections(async (step, go, goHalf) => {
      refuseChanges(step);
      if (step.generation === 1 || step.kind !== 'frames') return go();
      await goHalf();
      crash();
    }),
  // The files before the full section are not needed any more once there is a section of changes after it.
  'checkpoint-synced': () => {
    const refuse = wrapSections(async (step, go) => {
      refuseChanges(step);
      await go();
    });
    return (edges) =>
      wrapDisk((disk) => ({
        unlink: async (path) => {
          if (FILE.test(path)) crash();
          await disk.unlink(path);
        },
      }))(refuse(edges));
  },
} satisfies Readonly<Record<string, () => Fault>>;
