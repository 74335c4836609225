import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Commands that the user can paste into another terminal while the demo runs, and the places of metrics, config and log. */
export interface Hints {
  /** A shell command that queries ClickHouse. */
  readonly curl: string;
  /** A shell command that prints every event on NATS as it arrives. */
  readonly subscribe: string;
  /** A shell command that publishes a reading. */
  readonly publish: string;
  readonly metricsUrl: string;
  readonly config: string;
  readonly log: string;
}

/** Builds the hints. Paths are relative to `cwd`, the folder in which the commands are to be run. */
export function hintsFor(places: {
  readonly clickhouseUrl: string;
  readonly natsPort: number;
  readonly mqttPort: number;
  readonly engineUrl: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly cwd: string;
}): Hints {
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

/** A package's name if Node resolves it from `cwd` to our copy, otherwise the path of our copy. */
function packageFrom(cwd: string, name: string): string {
  const own = createRequire(import.meta.url).resolve(name);
  try {
    return createRequire(join(cwd, 'x')).resolve(name) === own ? name : own;
  } catch {
    // Weir is installed in another folder.
    return own;
  }
}

/** The shell command that starts the command line of the package `mqtt`. */
function mqttCommand(cwd: string): string {
  const found = packageFrom(cwd, 'mqtt');
  return found === 'mqtt' ? 'npx mqtt' : `node ${quoteShell(join(dirname(found), 'bin', 'mqtt.js'))}`;
}

/** Quotes a text as one word of a shell command. */
function quoteShell(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Quotes a text as a JavaScript string that is inside single quotes of a shell. */
function quoteJavaScript(text: string): string {
  return JSON.stringify(text).replaceAll("'", '\\x27');
}
