import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadRequest } from './load.ts';

/** A process of the benchmark, which answers each request with one message. */
export interface Child {
  /** Resolves with the answer. Rejects if the process ends, or after `deadlineMs`. */
  ask<Answer>(request: LoadRequest): Promise<Answer>;
  /** Ends it with SIGTERM. Resolves when it has ended. */
  stop(): Promise<void>;
}

const DEADLINE_MS = 60_000;

/** Starts a file of this folder. Without `waits`, resolves when it has sent its first message. */
export async function startChild(
  file: string,
  args: readonly (string | number)[],
  options: { readonly nodeFlags?: readonly string[]; readonly waits?: boolean } = {},
): Promise<Child> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String), {
    execArgv: [...(options.nodeFlags ?? []), '--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  if (options.waits !== false) await nextMessage(child, file);
  return {
    ask: <Answer>(request: LoadRequest) => {
      const answer = nextMessage(child, file) as Promise<Answer>;
      child.send(request);
      return answer;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

function nextMessage(child: ChildProcess, file: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    const fail = (reason: string) => {
      settle();
      reject(new Error(`${file} ${reason}`));
    };
    const onMessage = (message: unknown) => {
      settle();
      resolve(message);
    };
    const onExit = () => fail('has ended');
    const timer = setTimeout(() => fail(`did not answer within ${DEADLINE_MS} ms`), DEADLINE_MS);
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
