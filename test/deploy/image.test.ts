import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { deployed, sampleConfig } from './files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The instructions in order, with continued lines joined. */
const instructions = deployed('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '');
const of = (word: string) => instructions.filter((line) => line.startsWith(`${word} `));
const last = instructions.slice(instructions.lastIndexOf(of('FROM').at(-1) ?? ''));
const copied = instructions
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(/\s+/).slice(1, -1));

describe('the image', () => {
  it('is built and run on one pinned Node that the package supports', () => {
    const [, major] = /^ARG NODE_IMAGE=node:(\d+)\.\d+\.\d+-[a-z-]+$/.exec(of('ARG')[0] ?? '') ?? [];
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(Number(major)).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]));
    expect(of('FROM')).toHaveLength(3);
    for (const from of of('FROM')) expect(from).toMatch(/^FROM \$\{NODE_IMAGE\}( AS \w+)?$/);
  });

  it('has production packages only, and no package script runs', () => {
    const installs = of('RUN').filter((line) => line.includes('npm ci'));
    expect(installs).toHaveLength(2);
    for (const line of installs) expect(line).toContain('--ignore-scripts');
    expect(installs[1]).toContain('--omit=dev --omit=optional');
    expect(last.join('\n')).toContain('COPY --from=production /app/node_modules');
    expect(last.join('\n')).not.toContain('COPY --from=build /build/node_modules');
  });

  it('runs as an unprivileged user, without code from strings, with the config of compose', () => {
    expect(last).toContain('USER 1000:1000');
    expect(last.at(-2)).toBe('ENTRYPOINT ["node", "--disallow-code-generation-from-strings", "dist/engine/cli.js"]');
    const { file, data, http } = sampleConfig();
    expect(last.at(-1)).toBe(`CMD ["run", "--config", "${file}"]`);
    expect(last).toContain(`VOLUME ${data}`);
    expect(last).toContain(`EXPOSE ${http.port}`);
    expect(last.find((line) => line.startsWith('HEALTHCHECK'))).toContain(`:${http.port}/healthz`);
    expect(last.find((line) => line.startsWith('HEALTHCHECK'))).toMatch(/CMD \["node", "-e", "[^"]+"\]$/);
  });

  it('copies only existing files that Dockerfile.dockerignore allows', () => {
    const allowed = deployed('Dockerfile.dockerignore').split('\n');
    expect(copied.length).toBeGreaterThan(5);
    expect(allowed).toContain('*');
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(allowed, path).toContain(`!${path}`);
    }
  });
});

describe('what the engine loads at its start', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  /** The packages that a file imports statically, directly or through other files. */
  function packagesOf(file: string, seen: Set<string>): string[] {
    if (seen.has(file)) return [];
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(/^(?:import|export)(?! type)\b[^;]*?from '([^']+)'|^import '([^']+)'/gm)];
    return imports.flatMap(([, from, bare]) => {
      const target = from ?? bare ?? '';
      if (target.startsWith('node:')) return [];
      if (target.startsWith('.')) return packagesOf(join(dirname(file), target), seen);
      return [target.split('/', target.startsWith('@') ? 2 : 1).join('/')];
    });
  }

  it('is in the production packages; the servers of the demo are loaded later, by the demo only', () => {
    const seen = new Set<string>();
    const packages = new Set(packagesOf(join(root, 'engine/cli.ts'), seen));
    expect(seen.size).toBeGreaterThan(50);
    expect([...packages]).toEqual(expect.arrayContaining(['rxjs', 'mqtt', 'nats', '@clickhouse/client']));
    for (const name of packages) expect(Object.keys(dependencies)).toContain(name);
  });
});
