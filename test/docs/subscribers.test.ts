import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { createNatsSink } from '../../connectors/nats/nats.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import { testNats } from '../integration/servers/nats.ts';
import { blocksOf, ROOT, readPage } from './pages.ts';

const page = readPage('connectors/nats/README.md');
const [openAlerts, history] = blocksOf(page, 'js');

/** The example event of the page, in the form that the engine passes to its sink. */
function alert(severity: string, state: 'firing' | 'resolved'): EventOutput {
  const example = blocksOf(page, 'json').find(({ text }) => text.includes('"specversion"'))!.text;
  const body = example.replace('weir.alert.firing', `weir.alert.${state}`);
  const kv = {
    bucket: 'weir_alerts_open',
    key: 'temperature-limit.press=207',
    value: state === 'firing' ? body : null,
  } as const;
  const subject = `weir.alerts.${severity}.temperature-limit.press~207`;
  return { kind: 'event', id: `${severity}.${state}`, offset: 1, subject, body, stream: 'WEIR_ALERTS', kv };
}

/** Runs an example against a server, and resolves once it has printed a line that matches. */
function printing(example: string | undefined, port: number): (line: string) => Promise<void> {
  const source = example?.replace('127.0.0.1:4222', `127.0.0.1:${port}`) ?? '';
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return async (line) => {
    while (!output.split('\n').includes(line)) {
      const ended = await Promise.race([
        once(child.stdout, 'data').then(() => false),
        once(child, 'exit').then(() => true),
      ]);
      if (ended) throw new Error(`the example ended; it had printed: ${output}`);
    }
  };
}

test('the examples for late subscribers print open alerts and past events', async () => {
  const server = await testNats();
  const nats = { servers: [server.url], outboxBytes: 1 };
  const sink = createNatsSink({ config: nats });
  onTestFinished(() => sink.close());
  await sink.open();
  await sink.publish(alert('critical', 'firing'));

  const open = printing(openAlerts?.text, server.port);
  await expect(open('open temperature-limit.press=207 press 7 reports 51.5 °C')).resolves.toBeUndefined();
  await sink.publish(alert('critical', 'resolved'));
  await expect(open('resolved temperature-limit.press=207')).resolves.toBeUndefined();

  const past = printing(history?.text, server.port);
  await expect(past('2026-01-31T12:00:00.000Z weir.alert.firing press 7 reports 51.5 °C')).resolves.toBeUndefined();
  await expect(past('2026-01-31T12:00:00.000Z weir.alert.resolved press 7 reports 51.5 °C')).resolves.toBeUndefined();
});
