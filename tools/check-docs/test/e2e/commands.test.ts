import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '@runner/charts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guideFences } from '../../src/blocks.ts';
import { shellCommands } from '../../src/blocks/shell-commands.ts';
import { run } from '../support/program.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const kubectl = (await findProgram('kubectl', process.env)) ?? 'kubectl';
const namespace = `guides-${randomBytes(3).toString('hex')}`;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runner-guides-'));
  expect(await run(kubectl, ['create', 'namespace', namespace], { cwd: folder })).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await run(kubectl, ['delete', 'namespace', namespace, '--wait=false'], { cwd: folder });
  await rm(folder, { recursive: true, force: true });
});

/** Written down once, however often guides repeat it. */
const commands = new Map(
  guideFences(ROOT)
    .filter(({ kind }) => kind === 'sh')
    .flatMap(({ page, line, text }) =>
      shellCommands(text)
        .filter(({ words }) => words[0] === 'kubectl')
        .map(({ words }) => [words.join(' '), { at: `${page}:${line}`, words: words.slice(1) }] as const),
    ),
);
const making = [...commands].filter(([, { words }]) => words[0] === 'create' && !words.includes('job'));
/** They change nothing; `create job` copies a CronJob that is not there. */
const HARMLESS = new Set(['auth', 'create', 'describe', 'exec', 'get', 'logs', 'rollout']);
const others = [...commands].filter(([name]) => !making.some(([made]) => made === name));

/** The command in a namespace of this test. */
function here(words: readonly string[]): readonly string[] {
  const inside = words.indexOf('--');
  const own = inside < 0 ? words : words.slice(0, inside);
  const without = own.filter((word, at) => !isNamespace(word) && !isNamespace(own[at - 1]));
  return ['--namespace', namespace, ...without, ...(inside < 0 ? [] : words.slice(inside))];
}

const isNamespace = (word: string | undefined): boolean => word === '--namespace' || word === '-n';

/** What `--from-file` names is there, as it is for whoever follows the guide. */
async function files(words: readonly string[]): Promise<void> {
  for (const [, file = ''] of words.join(' ').matchAll(/--from-file=(?:[^ =]+=)?([^ ]+)/g)) {
    await writeFile(join(folder, file), 'not a real one');
  }
}

test.each(making)('the API server would make it: %s', async (_, { words }) => {
  await files(words);
  const { code, stdout, stderr } = await run(kubectl, [...here(words), '--dry-run=server'], { cwd: folder });
  expect(stderr).not.toMatch(/unknown|invalid/);
  // A name in CAPITALS is a placeholder; what exists here already need not be made.
  if (/AlreadyExists/.test(stderr)) return;
  expect(stdout).toContain('dry run');
  expect(code).toBe(0);
});

/** Without the runner there is nothing to find; a command line that kubectl does not take reads otherwise. */
const TAKEN = /^$|NotFound|not found|No resources found|Forbidden|Error from server/;

test.each(others)('kubectl takes it: %s', async (_, { words }) => {
  expect(HARMLESS).toContain(words[0]);
  const { stderr } = await run(kubectl, here(words), { cwd: folder });
  expect(stderr.trim()).toMatch(TAKEN);
  expect(stderr).not.toMatch(/unknown (flag|command|shorthand)|flag needs an argument/);
});

test('there are some of both', () => {
  expect(making.length).toBeGreaterThan(5);
  expect(others.length).toBeGreaterThan(8);
});
