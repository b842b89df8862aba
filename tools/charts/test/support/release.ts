import type { Finished } from '../../src/index.ts';
import { helmCommand } from './charts.ts';
import { succeed } from './cluster.ts';

/** A release as people handle it; gone when disposed. Each verb gives what Helm prints, and fails with it when Helm does. */
export interface Release extends AsyncDisposable {
  install(values: object): Promise<string>;
  /** The same, whatever Helm says. */
  attemptInstall(values: object): Promise<Finished>;
  /** Waits until the new pods are there, as `helm upgrade --wait` does. */
  upgrade(values: object): Promise<string>;
  /** `helm test`, whatever it says. */
  test(): Promise<Finished>;
  uninstall(): Promise<string>;
}

const TIMEOUT = '300s';

export function release(name: string, chart: string, namespace: string): Release {
  const where = ['--namespace', namespace, '--timeout', TIMEOUT];
  const attemptInstall: Release['attemptInstall'] = (values) =>
    helmCommand(['install', name, chart, ...where, '--values', '-'], JSON.stringify(values));
  return {
    attemptInstall,
    install: (values) => succeed(attemptInstall(values)),
    upgrade: (values) =>
      succeed(helmCommand(['upgrade', name, chart, ...where, '--wait', '--values', '-'], JSON.stringify(values))),
    test: () => helmCommand(['test', name, ...where]),
    [Symbol.asyncDispose]: async () => {
      await helmCommand(['uninstall', name, ...where, '--ignore-not-found', '--wait']);
    },
    uninstall: () => succeed(helmCommand(['uninstall', name, ...where, '--wait'])),
  };
}
