/** Source files by their paths from the root of the repository, as `engine/model/reading.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** What the rules of the house say of some sources. */
interface Inspection {
  /** `<path>: <what is wrong>` for each breach. */
  readonly breaches: readonly string[];
  /** Imports that were seen, as `<path> <what it imports>`. */
  readonly imports: readonly string[];
}

interface Import {
  /** A path from the root, or the name of a package. */
  readonly target: string;
  /** What is taken from it by name. */
  readonly names: readonly string[];
}

/** Floors of the engine's rooms; files that stand beside the rooms have their own. */
const FLOORS: Readonly<Record<string, number>> = {
  model: 1,
  'telemetry.ts': 1,
  document: 2,
  aggregates: 3,
  detectors: 3,
  decode: 4,
  windows: 4,
  language: 4,
  config: 4,
  alerts: 4,
  devices: 4,
  delivery: 4,
  simulator: 4,
  state: 5,
  'ports.ts': 5,
  operators: 6,
  journal: 6,
  'pipeline.ts': 7,
  runtime: 8,
  commands: 9,
  'cli.ts': 10,
};
/** The highest floor whose rooms are pure: no input and output, no clock, no randomness. */
const PURE_FLOOR = 5;

/** Libraries that speak with a server; each belongs to connectors. */
const CLIENTS = [
  'mqtt',
  'mqtt-packet',
  'nats',
  '@clickhouse/client',
  'prom-client',
  'ws',
  'chokidar',
  'ffi-rs',
  'aedes',
  'chdb',
];
/** Modules of Node that compute and do nothing else. */
const PURE_MODULES = ['node:path', 'node:buffer', 'node:crypto'];
/** What reads a clock, draws a number, waits or looks around. */
const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|(?:set|clear)(?:Timeout|Interval|Immediate)\b|queueMicrotask\b|fetch\()/;
/** A longer file says in its first line why it is not split. */
const MOST_LINES = 250;
const HAS_REASON = /^\/\/ Longer than most: \S/;
const GENERATES_CODE = /\b(new Function\b|eval\()/;

/** Holds the rules of the house against sources. */
export function inspect(sources: Sources): Inspection {
  const breaches: string[] = [];
  const imports: string[] = [];
  const clients = new Map<string, Set<string>>();
  for (const [path, text] of sources) {
    const code = withoutComments(text);
    const report = (breach: string) => breaches.push(`${path}: ${breach}`);
    for (const each of importsOf(path, code)) {
      imports.push(`${path} ${each.target}`);
      if (path.startsWith('engine/')) checkEngineImport(path, each, report);
      else checkConnectorImport(path, each, clients, report);
    }
    const lines = text.split('\n').length - 1;
    if (lines > MOST_LINES && !HAS_REASON.test(text)) report(`has ${lines} lines, and its first line does not say why`);
    if (GENERATES_CODE.test(withoutTexts(code))) report('makes code of text');
    if (isPure(path)) checkPure(code, report);
  }
  for (const circle of circlesOf(imports)) breaches.push(`circle of imports: ${circle.join(' → ')}`);
  for (const [room, names] of clients) {
    if (room !== 'embedded' && names.size > 1) {
      breaches.push(`connectors/${room}: imports ${[...names].join(' and ')}, where one client library is enough`);
    }
  }
  return { breaches, imports };
}

/** The room of a file of the engine or of the connectors, and its floor; a file in no room is one of its own. */
function placeOf(path: string): { room: string; floor: number } {
  const [, room = ''] = path.split('/');
  return { room, floor: FLOORS[room] ?? Number.NaN };
}

type Report = (breach: string) => void;

function checkEngineImport(path: string, { target, names }: Import, report: Report): void {
  const own = placeOf(path);
  if (Number.isNaN(own.floor)) {
    report('stands on no floor that is known');
    return;
  }
  if (target.startsWith('connectors/')) {
    if (own.room !== 'commands') report(`imports ${target}: connectors are wired in commands/ only`);
    return;
  }
  if (target.startsWith('engine/')) {
    const other = placeOf(target);
    if (other.room === own.room) return;
    if (other.floor > own.floor) report(`imports ${target}, which is on floor ${other.floor}, above its own`);
    else if (other.floor === own.floor) report(`imports ${target}, another room of its floor`);
    return;
  }
  if (/^(\.|\/)|^test\//.test(target)) {
    report(`imports ${target}, which is outside of engine/ and connectors/`);
    return;
  }
  const library = libraryOf(target);
  if (library === 'rxjs' && !['operators', 'pipeline.ts', 'runtime', 'commands'].includes(own.room)) {
    report('imports rxjs, which stays in operators/, pipeline.ts, runtime/ and commands/');
  }
  if (CLIENTS.includes(library)) report(`imports ${library}, which belongs to connectors/`);
  if (isPure(path)) checkPureImport(target, names, report);
}

function checkPureImport(target: string, names: readonly string[], report: Report): void {
  if (target.startsWith('node:') && !PURE_MODULES.includes(target)) {
    report(`imports ${target}: its floor does no input and output`);
  }
  if (target === 'node:crypto' && names.some((name) => name !== 'createHash')) {
    report('imports more of node:crypto than createHash: its floor draws no random numbers');
  }
}

function checkConnectorImport(
  path: string,
  { target }: Import,
  clients: Map<string, Set<string>>,
  report: Report,
): void {
  const { room } = placeOf(path);
  if (target.startsWith('connectors/')) {
    if (placeOf(target).room !== room) report(`imports ${target}, another connector`);
    return;
  }
  if (target.startsWith('engine/')) {
    // A connector needs ports and pure parts, never what drives it.
    if (!(placeOf(target).floor <= PURE_FLOOR)) report(`imports ${target}, which is above the ports`);
    return;
  }
  if (target.startsWith('node:')) return;
  const names = clients.get(room) ?? new Set();
  clients.set(room, names.add(libraryOf(target)));
}

/** The pure floors, and the operators, which get all time through RxJS. */
function isPure(path: string): boolean {
  const { room, floor } = placeOf(path);
  return path.startsWith('engine/') && (floor <= PURE_FLOOR || room === 'operators' || room === 'pipeline.ts');
}

function checkPure(code: string, report: Report): void {
  const found = IMPURE.exec(withoutTexts(code));
  if (found !== null) report(`uses ${found[1]}: its floor knows no clock, chance or surroundings`);
}

/**
 * The circles among imports (`<path> <what it imports>`), those of types included: a circle means that no file of it can be understood, moved
 * or tested without the others. Each is reported once, from its first path in alphabetical order.
 */
function circlesOf(imports: readonly string[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const each of imports) {
    const [path, target] = each.split(' ') as [string, string];
    targets.set(path, [...(targets.get(path) ?? []), target]);
  }
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) circles.push([...way.slice(start), path]);
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of [...targets.keys()].sort()) visit(path, []);
  return circles;
}

function libraryOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

const FROM = /\b(?:import|export)\s+(?:type\s+)?([^'"`;]*?)\s*\bfrom\s*(['"])([^'"]+)\2/g;
const BARE = /\bimport\s*(['"])([^'"]+)\1/g;
const DYNAMIC = /\b(?:import|require|require\.resolve)\s*\(\s*(?:(['"`])([^'"`]+)\1)?/g;

/** Every import of a file, also re-exports, dynamic ones and those of types. */
function importsOf(path: string, code: string): Import[] {
  const found: Import[] = [];
  const add = (target: string, clause = '') => {
    const names = (/\{([^}]*)\}/.exec(clause)?.[1] ?? '*').split(',').map((name) => name.trim().replace(/^type /, ''));
    found.push({ target: resolve(path, target), names: names.filter((name) => name !== '') });
  };
  for (const [, clause, , target] of code.matchAll(FROM)) add(target!, clause);
  for (const [, , target] of code.matchAll(BARE)) add(target!);
  for (const [, , target] of code.matchAll(DYNAMIC)) if (target !== undefined) add(target);
  return found;
}

function resolve(path: string, target: string): string {
  if (!target.startsWith('.')) return target;
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return target;
    } else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

/** Comments may name what code may not; a `//` inside a text is no comment. */
function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_TEXT, (match) => (match.startsWith('/') ? ' ' : match));
}

/** Texts may name what code may not; what a template puts in is code and stays. */
function withoutTexts(code: string): string {
  return code.replace(COMMENT_OR_TEXT, (match) => (match.startsWith('`') ? insertions(match) : "''"));
}

function insertions(template: string): string {
  return [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, inside]) => `(${inside})`).join(' ');
}
