import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTROL_PLANE_CHART, findProgram, run, stagedAgentChart } from '@runner/charts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guideFences } from '../../src/blocks.ts';
import { helmRelease } from '../../src/blocks/helm.ts';
import { shellCommands } from '../../src/blocks/shell-commands.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const helm = await findProgram('helm', process.env);
if (helm === undefined) process.stderr.write('\n######## SKIPPED: values of the guides: no helm ########\n');

/** What a guide has said before it comes to a fragment. */
const LEAST = {
  agent: {
    config: { serverHost: 'runner.example.test', authTokenSecret: { name: 'bot-token' } },
  },
  controlPlane: { publicUrl: 'https://runner.example.test', database: { existingSecret: 'control-plane-database' } },
};

async function written(text: string): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'runner-guides-'));
  const path = join(folder, 'values.yaml');
  await writeFile(path, text);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

describe.skipIf(helm === undefined)('what guides tell people to give to Helm is rendered', () => {
  let staged: Awaited<ReturnType<typeof stagedAgentChart>> | undefined;
  beforeAll(async () => {
    staged = await stagedAgentChart();
  });
  afterAll(async () => {
    await staged?.[Symbol.asyncDispose]();
  });

  const rendered = async (chart: 'agent' | 'controlPlane', values: string, more: readonly string[]) => {
    const folder = chart === 'agent' ? (staged?.folder ?? '') : CONTROL_PLANE_CHART;
    await using base = await written(JSON.stringify(LEAST[chart]));
    const args = ['template', 'runner', folder, '--namespace', 'runner', '--kube-version', '1.34.0'];
    return await run(helm ?? '', [...args, '--values', base.path, '--values', '-', ...more], values);
  };

  const fences = guideFences(ROOT);
  const values = fences.filter(({ kind }) => kind === 'yaml values' || kind === 'yaml control-plane');

  test.each(values)('$page:$line', async ({ kind, text }) => {
    const { code, stderr } = await rendered(kind === 'yaml values' ? 'agent' : 'controlPlane', text, []);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('docs/migrating.md: the former values render with the changes it names, and not with the former token beside the new', async () => {
    const changes = values.find(({ page }) => page === 'docs/migrating.md')?.text ?? 'nothing: true';
    const former = {
      config: { agentId: 'aws-prod', serverHost: 'shop.getcollate.io' },
      ecrRegistryHelper: { collateCredentials: { values: { accessKeyId: 'former', secretAccessKey: 'former' } } },
    };
    await using kept = await written(JSON.stringify(former));
    const { code, stdout } = await rendered('agent', changes, ['--values', kept.path]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/secretName: "?bot-token"?\n/);
    const again = await rendered('agent', changes, ['--set', 'config.authToken=a.b.c']);
    expect(again.stderr).toContain('config.authToken and config.authTokenSecret.name are both set');
  });

  const commands = fences
    .filter(({ kind }) => kind === 'sh')
    .flatMap(({ page, line, text }) =>
      shellCommands(text).flatMap((command) => {
        const release = helmRelease(command);
        return release === undefined ? [] : [{ page, line, release }];
      }),
    )
    .filter(({ release }) => release.sets.length > 0);

  test.each(commands)('$page:$line with its --set', async ({ release: { chart, sets } }) => {
    const more = sets.flatMap(({ flag, assignment }) => [flag, assignment]);
    const { code, stderr } = await rendered(chart, '{}', more);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  const flags = new Map(
    fences
      .filter(({ kind }) => kind === 'sh')
      .flatMap(({ page, line, text }) =>
        shellCommands(text)
          .filter(({ words }) => words[0] === 'helm')
          .map(({ words }) => [words.join(' '), { at: `${page}:${line}`, words: words.slice(1) }] as const),
      ),
  );

  test.each([...flags])('Helm has the command and the flags of: %s', async (_, { words }) => {
    const verbs = words.slice(0, ['repo', 'dependency', 'get'].includes(words[0] ?? '') ? 2 : 1);
    const { code, stdout } = await run(helm ?? '', [...verbs, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`helm ${verbs.join(' ')} `);
    for (const word of words.filter((each) => each.startsWith('-'))) {
      expect(stdout).toMatch(new RegExp(`(^|\\s)${word.replace(/=.*$/s, '')}[ ,]`, 'm'));
    }
  });

  test('there are some', () => {
    expect(values.length).toBeGreaterThan(20);
    expect(commands.length).toBeGreaterThan(5);
  });
});
