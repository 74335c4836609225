import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deployed, environmentOf, PASSWORDS, readCompose, sampleConfig, serviceOf } from './files.ts';
import { temporaryFolder } from './servers.ts';

const compose = readCompose();
const services = Object.entries(compose.services);
const names = ['mosquitto', 'nats', 'clickhouse', 'weir'];

describe('the compose file', () => {
  it('has the engine and its three servers', () => {
    expect(Object.keys(compose.services)).toEqual(names);
  });

  it.each(services)('pins the image of %s to a patch release', (_, { image }) => {
    expect(image).toMatch(/:\d+\.\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
  });

  it.each(services)('checks the health of %s, and gives it limits and time to end', (_, service) => {
    expect(service.healthcheck.test.length).toBeGreaterThan(0);
    expect(service.healthcheck.interval).toMatch(/^\d+s$/);
    // A colon and a blank make an unquoted item a mapping, which no container engine accepts.
    if (typeof service.healthcheck.test !== 'string') {
      for (const word of service.healthcheck.test) expect(word).toBeTypeOf('string');
    }
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThanOrEqual(30);
    expect(service.restart).toBe('unless-stopped');
    expect(service.security_opt).toContain('no-new-privileges:true');
  });

  it.each(services)('publishes ports of %s on the loopback only', (_, { ports }) => {
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^(127\.0\.0\.1|\$\{WEIR_MQTT_BIND:-127\.0\.0\.1\}):\d+:\d+$/);
  });

  it.each(['mosquitto', 'nats', 'weir'])('lets %s write only to its volumes', (name) => {
    const service = serviceOf(name);
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(service.tmpfs?.length).toBeGreaterThan(0);
  });

  it('keeps persistent data in named volumes', () => {
    const kept = services.flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0]));
    for (const volume of Object.keys(compose.volumes)) expect(kept).toContain(volume);
    expect(Object.keys(compose.volumes)).toHaveLength(4);
  });

  it('mounts every file of the host read only', () => {
    const mounted = services.flatMap(([, { volumes }]) => volumes.filter((volume) => volume.startsWith('.')));
    expect(mounted.length).toBeGreaterThan(5);
    for (const volume of mounted) expect(volume).toMatch(/:ro$/);
  });

  it('contains no password: each must come from the environment', () => {
    const secrets = services.flatMap(([, { environment }]) =>
      Object.entries(environment).filter(([variable]) => /PASSWORD/.test(variable)),
    );
    expect(secrets).toHaveLength(9);
    for (const [variable, text] of secrets) expect(text).toMatch(new RegExp(`^"?\\$\\{${variable}:\\?[^}]+\\}"?$`));
    for (const name of names) expect(() => environmentOf(name, {})).toThrow('has no value');
  });
});

describe('the service weir', () => {
  const weir = serviceOf('weir');

  it('waits for a healthy broker, and receives before the other servers are ready', () => {
    expect(weir.depends_on).toEqual({
      mosquitto: { condition: 'service_healthy' },
      nats: { condition: 'service_started' },
      clickhouse: { condition: 'service_started' },
    });
  });

  it('has config, rules, journal, servers and HTTP port as in the sample config', () => {
    const config = sampleConfig();
    const targets = weir.volumes.map((volume) => volume.split(':')[1]);
    expect(targets).toEqual(expect.arrayContaining([config.file, config.rules, config.data]));
    const hosts = [config.mqtt[0]?.url, config.nats.servers[0], config.clickhouse.url].map((url) => new URL(url ?? ''));
    expect(hosts.map(({ hostname }) => hostname)).toEqual(names.slice(0, 3));
    expect(config.http).toEqual({ host: '0.0.0.0', port: 8080 });
    expect(weir.ports).toEqual(['127.0.0.1:8080:8080']);
    expect(weir.healthcheck.test).toContain('node');
  });

  it('gets every secret of the sample config', () => {
    const wanted = [...deployed('weir.json').matchAll(/"env": "(\w+)"/g)].map(([, name]) => name);
    expect(wanted).toHaveLength(3);
    for (const name of wanted) expect(Object.keys(weir.environment)).toContain(name);
  });

  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(weir.image).toBe(`weir:${version}`);
  });
});

describe('the example of the environment', () => {
  const example = deployed('weir.env.example');
  const variables = [...example.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => ({ name, value }));

  it('names exactly the passwords of the compose file, without values', () => {
    expect(variables.map(({ name }) => name).sort()).toEqual(Object.keys(PASSWORDS).sort());
    for (const { value } of variables) expect(value).toBe('');
    const asked = new Set([...deployed('compose.yaml').matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name));
    expect([...asked].sort()).toEqual(Object.keys(PASSWORDS).sort());
  });

  it('is filled by the command of the README, with passwords that every server accepts', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'weir.env.example'), example);
    const [, command = ''] = /```sh\n([^`]*?)docker compose up/.exec(deployed('README.md')) ?? [];
    execFileSync('/bin/sh', ['-eu', '-c', command], { cwd: dir });
    const filled = [...readFileSync(join(dir, '.env'), 'utf8').matchAll(/^(\w+)=([0-9a-f]{48})$/gm)];
    expect(filled.map(([, name]) => name).sort()).toEqual(Object.keys(PASSWORDS).sort());
    expect(new Set(filled.map(([, , value]) => value)).size).toBe(filled.length);
    expect(statSync(join(dir, '.env')).mode & 0o077).toBe(0);
  });

  it('is ignored by Git after it is filled in', () => {
    expect(deployed('.gitignore').split('\n')).toEqual(expect.arrayContaining(['.env', 'weir.env']));
  });
});
