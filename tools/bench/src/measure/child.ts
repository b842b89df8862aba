import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RunnerError } from '@runner/core';
import type { Answer, Question, Questions } from './questions.ts';

/** A process of ours that answers questions. Disposing kills it and waits until it is gone. */
export interface Child<T> extends AsyncDisposable {
  readonly pid: number;
  ask<Name extends keyof T & string>(
    name: Name,
    ...parameters: T[Name] extends (...parameters: infer P) => unknown ? P : never
  ): Promise<T[Name] extends (...all: never) => infer R ? Awaited<R> : never>;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (problem: Error) => void;
}

const SOURCE_ARGUMENTS = ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning'];

/** @param program a source file beside the benches (`children/x.ts`), or the absolute path of a bundle */
export function startChild<T extends Questions<T>>(program: string, signal: AbortSignal): Child<T> {
  const isSource = program.endsWith('.ts');
  const path = isSource ? fileURLToPath(new URL(`../${program}`, import.meta.url)) : program;
  const child = spawn(process.execPath, [...(isSource ? SOURCE_ARGUMENTS : []), '--expose-gc', path], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let over: Error | undefined;
  const failAll = (problem: Error): void => {
    over ??= problem;
    for (const { reject } of waiting.values()) reject(problem);
    waiting.clear();
  };
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      failAll(error);
      resolve();
    });
    child.once('exit', (code, by) => {
      failAll(new RunnerError('bench_child', `${program} ended with ${by ?? String(code)}`));
      resolve();
    });
  });
  child.on('message', (message) => {
    const answer = message as Answer;
    const { resolve, reject } = waiting.get(answer.id) ?? {};
    waiting.delete(answer.id);
    if ('problem' in answer) reject?.(new RunnerError('bench_child', `${program}: ${answer.problem}`));
    else resolve?.(answer.answer);
  });
  const onAbort = (): void => failAll(new RunnerError('bench_stopped', 'the benches were told to stop'));
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    pid: child.pid ?? 0,
    ask: (name, ...parameters) =>
      new Promise((resolve, reject) => {
        if (over !== undefined) {
          reject(over);
          return;
        }
        asked += 1;
        waiting.set(asked, { resolve: resolve as (answer: unknown) => void, reject });
        child.send({ id: asked, name, parameters } satisfies Question);
      }),
    [Symbol.asyncDispose]: async () => {
      signal.removeEventListener('abort', onAbort);
      child.kill('SIGKILL');
      await ended;
    },
  };
}
