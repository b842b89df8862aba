import { fileURLToPath } from 'node:url';

/** Root of this repository, with a slash at its end. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

export interface Image {
  readonly name: 'agent' | 'control-plane';
  /** Folder of its project in the repository; the Dockerfile is there. */
  readonly project: string;
  /** Under this name the tests and the charts of this repository look for it. */
  readonly tag: string;
  /** Most that our own layers may have, uncompressed. */
  readonly maxOwnBytes: number;
}

const MEGABYTE = 1_000_000;

export const IMAGES: readonly Image[] = [
  {
    name: 'agent',
    project: 'apps/agent',
    tag: 'docker.io/runner/agent:dev',
    maxOwnBytes: 60 * MEGABYTE,
  },
  {
    name: 'control-plane',
    project: 'apps/control-plane',
    tag: 'docker.io/runner/control-plane:dev',
    maxOwnBytes: 60 * MEGABYTE,
  },
];

/** Bases that the Dockerfiles name. */
export const BUILD_BASE = 'docker.io/library/node:24-bookworm-slim';
export const RUN_BASE = 'gcr.io/distroless/nodejs24-debian12:latest';
