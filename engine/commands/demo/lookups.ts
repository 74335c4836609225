import { createRequire } from 'node:module';
import { join, relative } from 'node:path';

/** What a person can paste into another terminal while the demo runs, and where things lie. */
export interface Lookups {
  /** A shell command that asks ClickHouse. */
  readonly curl: string;
  /** A shell command that shows every event on NATS as it comes. */
  readonly subscribe: string;
  readonly metricsUrl: string;
  readonly config: string;
  readonly log: string;
}

/** Paths are named from `cwd`, which is also where the commands are to be pasted. */
export function lookupsOf(places: {
  readonly clickhouseUrl: string;
  readonly natsPort: number;
  readonly engineUrl: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly cwd: string;
}): Lookups {
  const { clickhouseUrl, natsPort, engineUrl, configFile, logFile, cwd } = places;
  const query = 'SELECT device, count(), avg(temp) FROM weir.sensors GROUP BY ALL ORDER BY 3 DESC LIMIT 5';
  const client = quoteJavaScript(natsPackage(cwd));
  return {
    curl: `curl ${clickhouseUrl} -d '${query}'`,
    subscribe: `node -e 'require(${client}).connect({port:${natsPort}}).then(async c=>{for await(const m of c.subscribe("weir.>"))console.log(m.subject,m.string())})'`,
    metricsUrl: `${engineUrl}/metrics`,
    config: relative(cwd, configFile) || configFile,
    log: relative(cwd, logFile) || logFile,
  };
}

/** By its name where Node finds it from there, else by its path. */
function natsPackage(cwd: string): string {
  const own = createRequire(import.meta.url).resolve('nats');
  try {
    return createRequire(join(cwd, 'x')).resolve('nats') === own ? 'nats' : own;
  } catch {
    // Weir is installed elsewhere.
    return own;
  }
}

/** A JavaScript string inside a shell's single quotes. */
function quoteJavaScript(text: string): string {
  return JSON.stringify(text).replaceAll("'", '\\x27');
}
