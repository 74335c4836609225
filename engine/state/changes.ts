/** A part of the state that a checkpoint stores as one piece. */
export interface Part {
  /** The order in which the parts of its kind were made. It survives restarts. */
  number: number;
  /** The section that its last change belongs to, or one more if a checkpoint has stored this change. See `Sections`. */
  section: number;
}

/** Passes on one part: its number among all parts, and its content, which is valid during the call. Undefined: the part was removed. */
export type WritePart = (part: number, content: Uint8Array | undefined) => void;

/**
 * Divides the changes of the state into sections: the changes between two cuts are a section. A checkpoint captures a section in slices, while
 * the fold continues. A part that changes again before it is captured is captured first, so the checkpoint has the state right after
 * the cut. Method: copy on update, Cao et al., "Fast checkpoint recovery algorithms for frequently consistent applications", SIGMOD 2011.
 */
export interface Sections {
  /** The section that changes belong to now: an even number. */
  current: number;
  /** The section that is being captured; 0 for none. */
  captured: number;
  /** Whether all parts are captured, and not only those that changed in the section. */
  isFull: boolean;
  write: WritePart;
  readonly kinds: Kind[];
}

/** The changes of the parts of one kind. */
export interface Changes<P extends Part> {
  /** The number for the next part. */
  next: number;
  /** Registers a new part. */
  add(part: P): void;
  /** Call it before each change of a part. Cheap if the part has changed before in the same section. */
  touch(part: P): void;
  /** Call it when a part is removed from the state. */
  remove(part: P): void;
}

/** What the capture of a section needs of one kind of parts. */
interface Kind {
  /** Begins the capture of the section that has just ended. */
  begin(): void;
  /** Captures the next parts. Returns false if there are none. */
  advance(): boolean;
}

/** A section that is being captured. */
export interface Capture {
  /** Captures parts until `isOver` returns true or all parts are captured. Returns whether all are captured. `isOver` is asked after every few parts. */
  advance(isOver: () => boolean): boolean;
  /** Ends the capture, also an incomplete one. After an incomplete one the next must be full. */
  end(): void;
}

const FIRST_SECTION = 2;
/** Odd and larger than any section: a removed part is never captured, although steps may still use it for earlier items. */
const REMOVED = 2 ** 30 - 1;
/** How many parts are captured between two questions to `isOver`. */
const STRIDE = 8;

/** Whether a part was removed from the state. */
export function isRemoved({ section }: Part): boolean {
  return section === REMOVED;
}

/** The sections before the first cut. */
export function createSections(): Sections {
  return { current: FIRST_SECTION, captured: 0, isFull: false, write: () => undefined, kinds: [] };
}

/** Makes a kind of parts. `all` lists all its parts; `contentOf` gives the content of one for a checkpoint, see `readSnapshot`. */
export function createChanges<P extends Part>(
  sections: Sections,
  all: () => Iterable<P>,
  contentOf: (part: P) => Uint8Array,
): Changes<P> {
  const kind = sections.kinds.length;
  let changed: P[] = [];
  let removed: number[] = [];
  let pending: Iterator<P> | undefined;

  const numberOf = (number: number): number => number * sections.kinds.length + kind;
  const isPending = ({ section }: P): boolean => {
    const { captured, isFull } = sections;
    return section === captured || (isFull && section < captured);
  };
  const capture = (part: P): void => {
    part.section = sections.captured + 1;
    sections.write(numberOf(part.number), contentOf(part));
  };
  const change = (part: P): void => {
    part.section = sections.current;
    changed.push(part);
  };
  sections.kinds.push({
    begin() {
      if (!sections.isFull) for (const number of removed) sections.write(numberOf(number), undefined);
      pending = (sections.isFull ? all() : changed)[Symbol.iterator]();
      changed = [];
      removed = [];
    },
    advance() {
      for (let i = 0; i < STRIDE; i++) {
        const next = pending?.next();
        if (next === undefined || next.done) {
          pending = undefined;
          return false;
        }
        if (isPending(next.value)) capture(next.value);
      }
      return true;
    },
  });
  return {
    next: 0,
    add: change,
    touch(part) {
      if (part.section === sections.current || part.section === REMOVED) return;
      if (isPending(part)) capture(part);
      change(part);
    },
    remove(part) {
      if (isPending(part)) capture(part);
      part.section = REMOVED;
      removed.push(part.number);
    },
  };
}

/** Ends a section and begins to capture it. Call it right after a cut, when no other capture is in progress. */
export function beginCapture(sections: Sections, isFull: boolean, write: WritePart): Capture {
  sections.captured = sections.current;
  sections.current += 2;
  sections.isFull = isFull;
  sections.write = write;
  for (const kind of sections.kinds) kind.begin();
  let at = 0;
  return {
    advance(isOver) {
      while (at < sections.kinds.length) {
        if (!sections.kinds[at]!.advance()) at += 1;
        else if (isOver()) return false;
      }
      return true;
    },
    end() {
      sections.captured = 0;
      sections.isFull = false;
      sections.write = () => undefined;
    },
  };
}
