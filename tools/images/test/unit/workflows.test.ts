import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from '../../src/images.ts';
import { pathsIn, scriptsIn, workflows } from '../support/workflows.ts';

const ALL = workflows();
const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

it('there are workflows for changes, versions and releases', () => {
  expect(ALL.map(({ file }) => file).sort()).toEqual(['ci.yml', 'release.yml', 'version.yml']);
});

it('finds the paths and scripts that a workflow names', () => {
  expect(pathsIn('- run: .ci/run\n  chart: [apps/agent/chart] # host/apps/x and $X/tools/y are none')).toEqual([
    '.ci/run',
    'apps/agent/chart',
  ]);
  expect(scriptsIn('npm ci && npm run --silent a:b -- "$X"; npm run c')).toEqual(['a:b', 'c']);
});

describe.each(ALL.map((workflow) => [workflow.file, workflow] as const))('%s', (_file, workflow) => {
  it('may read the repository and nothing else, unless a job asks for more', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
  });

  it('names scripts and paths that are there', () => {
    const runs = workflow.steps.map(({ run = '' }) => run);
    const missing = runs.flatMap(scriptsIn).filter((name) => scripts[name] === undefined);
    expect(missing).toEqual([]);
    expect(pathsIn(workflow.text).filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
  });

  it('pins every action by its commit, with the version beside it', () => {
    const used = [...workflow.text.matchAll(/uses: (.*)/g)].map(([, action]) => action);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('has steps that a shell can read, into which nothing from outside is pasted', () => {
    for (const { run } of workflow.steps) {
      if (run === undefined) continue;
      expect(run).not.toContain('${{');
      const { status, stderr } = spawnSync('bash', ['-n'], { input: run, encoding: 'utf8' });
      expect({ run, status, stderr }).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it('says at its top which variables and secrets it needs', () => {
    const head = workflow.text.slice(0, workflow.text.indexOf('\nname:'));
    for (const [, name = ''] of workflow.text.matchAll(/\$\{\{[^}]*?\b(?:vars|secrets)\.(\w+)/g)) {
      expect(head).toContain(name);
    }
  });

  it('names no registry of npm', () => {
    expect(workflow.text).not.toMatch(/registry-url|npmjs|npm\.pkg/);
  });
});

it('a release is signed, and only jobs that sign or publish may prove who they are', () => {
  const release = ALL.find(({ file }) => file === 'release.yml');
  const signing = (release?.jobs ?? []).filter(({ permissions }) =>
    JSON.stringify(permissions ?? {}).includes('id-token'),
  );
  expect(signing.map(({ name }) => name)).toEqual(['packages', 'images', 'charts']);
  const said = (release?.steps ?? []).map(({ run = '' }) => run).join('\n');
  expect(said.match(/cosign sign --yes/g)).toHaveLength(2);
  expect(said).toContain('cosign attest --yes --type cyclonedx');
});

it('a release begins with what would be wrong with it: versions, changesets, images that charts name', () => {
  const check = ALL.find(({ file }) => file === 'release.yml')?.jobs.find(({ name }) => name === 'check');
  expect(check?.steps.map(({ run = '' }) => run).join('\n')).toContain(
    'release:check -- "$GITHUB_REF_NAME" "$IMAGE_REGISTRY"',
  );
});

it('a script that keeps what a program says shows it when the program fails', () => {
  for (const { run = '' } of ALL.flatMap(({ steps }) => steps)) {
    for (const line of run.split('\n').filter((one) => /^\s*\w+=\$\(.*2>&1\)/.test(one))) {
      expect(line).toMatch(/\|\| \{ echo "\$\w+"; exit 1; \}$/);
    }
  }
});
