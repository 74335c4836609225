import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** What a person can paste into another terminal while the demo runs, and where things lie. */
export interface Lookups {
  /** A shell command that asks ClickHouse. */
  readonly curl: string;
  /** A shell command that shows every event on NATS as it comes. */
  readonly subscribe: string;
  /** A shell command that publishes a reading. */
  readonly publish: string;
  readonly metricsUrl: string;
  readonly config: string;
  readonly log: string;
}

/** Paths are named from `cwd`, which is also where the commands are to be pasted. */
export function lookupsOf(places: {
  readonly clickhouseUrl: string;
  readonly natsPort: number;
  readonly mqttPort: number;
  readonly engineUrl: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly cwd: string;
}): Lookups {
  const { clickhouseUrl, natsPort, mqttPort, engineUrl, configFile, logFile, cwd } = places;
  const query = 'SELECT device, count(), avg(temp) FROM weir.sensors GROUP BY ALL ORDER BY 3 DESC LIMIT 5';
  const client = quoteJavaScript(packageFrom(cwd, 'nats'));
  return {
    curl: `curl ${clickhouseUrl} -d '${query}'`,
    subscribe: `node -e 'require(${client}).connect({port:${natsPort}}).then(async c=>{for await(const m of c.subscribe("weir.>"))console.log(m.subject,m.string())})'`,
    publish: `${mqttCommand(cwd)} pub -p ${mqttPort} -q 1 -t plant/home/mine/data -m '{"ts":'$(date +%s)'000,"battery":9}'`,
    metricsUrl: `${engineUrl}/metrics`,
    config: relative(cwd, configFile) || configFile,
    log: relative(cwd, logFile) || logFile,
  };
}

/** By its name where Node finds it from there, else by its path. */
function packageFrom(cwd: string, name: string): string {
  const own = createRequire(import.meta.url).resolve(name);
  try {
    return createRequire(join(cwd, 'x')).resolve(name) === own ? name : own;
  } catch {
    // Weir is installed elsewhere.
    return own;
  }
}

/** The command of the package `mqtt`. */
function mqttCommand(cwd: string): string {
  const found = packageFrom(cwd, 'mqtt');
  return found === 'mqtt' ? 'npx mqtt' : `node ${quoteShell(join(dirname(found), 'bin', 'mqtt.js'))}`;
}

/** A word of a shell's command line. */
function quoteShell(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A JavaScript string inside a shell's single quotes. */
function quoteJavaScript(text: string): string {
  return JSON.stringify(text).replaceAll("'", '\\x27');
}
