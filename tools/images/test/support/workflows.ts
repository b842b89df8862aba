import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY } from '../../src/images.ts';

const FOLDER = join(REPOSITORY, '.github/workflows');

export interface Step {
  readonly uses?: string;
  readonly run?: string;
}

export interface Workflow {
  readonly file: string;
  readonly text: string;
  /** Rights of everything that asks for no others. */
  readonly permissions: unknown;
  readonly jobs: readonly { readonly name: string; readonly permissions: unknown; readonly steps: readonly Step[] }[];
  readonly steps: readonly Step[];
}

/** The workflows of this repository. @throws when one is no YAML */
export function workflows(): readonly Workflow[] {
  return readdirSync(FOLDER).map((file) => {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    const { permissions, jobs } = parse(text) as {
      permissions?: unknown;
      jobs: Record<string, { permissions?: unknown; steps: readonly Step[] }>;
    };
    const list = Object.entries(jobs).map(([name, job]) => ({ name, permissions: job.permissions, steps: job.steps }));
    return { file, text, permissions, jobs: list, steps: list.flatMap(({ steps }) => steps) };
  });
}

const NPM_RUN = /npm run (?:--silent )?([\w:-]+)/g;
const PATH = /(?<![\w./$}@:-])(\.?(?:apps|tools|packages|docs|examples|\.ci|\.changeset)\/[\w./-]+|\.ci\/\w+)/g;

/** Scripts of the root package.json that are asked for. */
export const scriptsIn = (run: string): readonly string[] => [...run.matchAll(NPM_RUN)].map(([, name]) => name ?? '');

/** Paths of the repository that are named. */
export const pathsIn = (text: string): readonly string[] => [...text.matchAll(PATH)].map(([, path]) => path ?? '');
