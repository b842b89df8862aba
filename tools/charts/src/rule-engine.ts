import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../rule-engine', import.meta.url));
/** The first build fetches and compiles Prometheus' engine. */
const BUILD_MS = 900_000;
const RUN_MS = 60_000;

/** One test of alerting rules: series in the words of Prometheus' test language, times in seconds of the test. */
export interface RuleTest {
  readonly stepSeconds: number;
  readonly load: string;
  readonly rules: readonly { readonly alert: string; readonly expr: string; readonly forSeconds: number }[];
  readonly queries: readonly { readonly expr: string; readonly atSeconds: number }[];
}

export interface RuleSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type RuleEngine = (test: RuleTest) => readonly (readonly RuleSample[])[];

/**
 * Prometheus' own engine for rules, built once from its Go modules into the user's cache. A sentence instead when this
 * machine cannot build it.
 */
export function ruleEngine(environment: NodeJS.ProcessEnv): RuleEngine | string {
  const cache = join(environment['CLUSTER_HOME'] ?? join(homedir(), '.cache', 'runner-cluster'), 'bin');
  const sources = ['go.mod', 'go.sum', 'main.go'].map((name) => readFileSync(join(SOURCES, name)));
  const version = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 16);
  const program = join(cache, `rule-engine-${version}`);
  const problem = existsSync(program) ? undefined : build(program, cache, environment);
  return problem ?? ((test) => run(program, test));
}

function build(program: string, cache: string, environment: NodeJS.ProcessEnv): string | undefined {
  mkdirSync(cache, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const { status, stderr, error } = spawnSync(
    'go',
    ['build', '-trimpath', '-ldflags', '-s -w', '-o', unfinished, '.'],
    {
      cwd: SOURCES,
      env: { ...environment, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
      encoding: 'utf8',
      timeout: BUILD_MS,
    },
  );
  if (error !== undefined) return `Prometheus' engine cannot be built here: ${error.message}`;
  if (status !== 0) return `Prometheus' engine could not be built: ${stderr.slice(-500)}`;
  renameSync(unfinished, program);
  return undefined;
}

function run(program: string, test: RuleTest): readonly (readonly RuleSample[])[] {
  const { status, stdout, stderr } = spawnSync(program, {
    input: JSON.stringify(test),
    encoding: 'utf8',
    timeout: RUN_MS,
  });
  if (status !== 0) throw new Error(`the rules could not be evaluated: ${stderr}`);
  return JSON.parse(stdout) as readonly (readonly RuleSample[])[];
}
