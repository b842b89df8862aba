import { outputOf, shown } from '../programs.ts';
import type { BuildOrder, Engine } from './engine.ts';

/** Docker with BuildKit, which finds the ignore file beside the Dockerfile by itself. */
export const docker: Engine = {
  name: 'docker',
  build: (order) => shown('docker', ['build', ...buildWords(order)], order.context),
  load: async (archive) => {
    await outputOf('docker', ['load', '--quiet', '--input', archive]);
  },
  save: async (tag, archive) => {
    await outputOf('docker', ['save', '--output', archive, tag]);
  },
};

/** The words after `docker build`. Bases that are there are not pulled again in any case. Pure. */
export function buildWords({ dockerfile, tag, args, secrets, timestamp }: BuildOrder): readonly string[] {
  const all = { ...args, SOURCE_DATE_EPOCH: String(timestamp) };
  return [
    ...['--network', 'host'],
    ...['--secret', `id=npmrc,src=${secrets.npmrc}`],
    ...(secrets.ca === undefined ? [] : ['--secret', `id=npm-ca,src=${secrets.ca}`]),
    ...Object.entries(all).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...['--file', dockerfile, '--tag', tag, '.'],
  ];
}
