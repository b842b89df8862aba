import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { messageOf, silentLogger, systemClock, systemRandom } from '@runner/core';
import type { Clock } from '@runner/core';
import { loadConfig } from '../config.ts';
import type { ConfigResult } from '../config.ts';
import type { Environment } from '../config/read.ts';
import { EXIT } from '../host.ts';
import { STDOUT, USAGE, readArguments } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { collectBundle, writeBundle } from './bundle.ts';
import { CHECKS } from './catalogue.ts';
import { configuration, configurationResults } from './checks/configuration.ts';
import type { DoctorContext } from './context.ts';
import { examine } from './examination.ts';
import type { Examined } from './examination.ts';
import { redactedJson, redactor } from './redaction.ts';
import type { Redact } from './redaction.ts';
import { redactedReport, reportOf, reportText } from './report.ts';
import type { Report } from './report.ts';
import { openWorld } from './world.ts';

/** The process, as far as doctor touches it. */
export interface DoctorHost {
  readonly env: Environment;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  cwd(): string;
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

/**
 * The command `doctor`.
 * @param argv what follows the command
 * @returns its exit code: 0 nothing fails, 1 something fails, it was told to end or the bundle could not be written, 78 the configuration is wrong
 */
export async function runDoctor(host: DoctorHost, argv: readonly string[]): Promise<number> {
  const read = readArguments(argv, host.cwd());
  if (read.kind === 'help') {
    host.stdout.write(USAGE);
    return EXIT.left;
  }
  if (read.kind === 'wrong') {
    host.stderr.write(`${read.message}\n\n${USAGE}`);
    return EXIT.misconfigured;
  }
  const leaving = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) host.on(signal, () => leaving.abort());
  return await doctor(host, read.arguments, systemClock({ keepAlive: true }), leaving);
}

async function doctor(host: DoctorHost, asked: Arguments, clock: Clock, leaving: AbortController): Promise<number> {
  const { kubeconfig } = asked;
  const environment = kubeconfig === undefined ? host.env : { ...host.env, KUBECONFIG: kubeconfig };
  const result = await loadConfig(environment, readText, clock.now());
  const redact = redactor(environment, result.ok ? result.config : undefined, readText);
  if (!result.ok) return await misconfigured(host, { asked, result, redact, clock, environment });
  await using world = openWorld({
    ...{ environment, config: result.config, warnings: result.warnings, clock, readFile: readTextLater },
    options: { reference: asked.reference, pods: asked.pods },
    random: systemRandom(),
    logger: silentLogger,
    signal: leaving.signal,
  });
  const examined = await examine(CHECKS, world.context, leaving.signal);
  const isWhole = !leaving.signal.aborted;
  const report = redactedReport(reportOf(examined, true, clock.now()), redact);
  tell(host, asked, report);
  const isWritten =
    asked.bundle === undefined || (await bundle(host, { path: asked.bundle, report, redact, context: world.context }));
  leaving.abort();
  return isWritten && isWhole ? report.exitCode : Math.max(report.exitCode, EXIT.fault);
}

interface Misconfigured {
  readonly asked: Arguments;
  readonly result: ConfigResult & { readonly ok: false };
  readonly redact: Redact;
  readonly clock: Clock;
  readonly environment: Environment;
}

/** Nothing else is looked at: where it would be looked for is not known. */
async function misconfigured(
  host: DoctorHost,
  { asked, result, redact, clock, environment }: Misconfigured,
): Promise<number> {
  const { id, group } = configuration;
  const results = configurationResults(result.problems, result.warnings);
  const examined: readonly Examined[] = [{ id, group, seconds: 0, results }];
  const report = redactedReport(reportOf(examined, false, clock.now()), redact);
  tell(host, asked, report);
  if (asked.bundle !== undefined) await bundle(host, { path: asked.bundle, report, redact, environment });
  return report.exitCode;
}

function tell(host: DoctorHost, { json, bundle: path }: Arguments, report: Report): void {
  if (path === STDOUT) return;
  host.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report));
}

interface Bundling {
  readonly path: string;
  readonly report: Report;
  readonly redact: Redact;
  readonly context?: DoctorContext;
  readonly environment?: Environment;
}

/** False when it could not be written. */
async function bundle(host: DoctorHost, { path, report, redact, context, environment }: Bundling): Promise<boolean> {
  try {
    const collected = await collectBundle({ report, context, environment: context?.environment ?? environment ?? {} });
    // The answer is without secrets already.
    const redacted = { ...redactedJson(collected, redact), report };
    if (path === STDOUT) {
      host.stdout.write(`${JSON.stringify(redacted, undefined, 2)}\n`);
      return true;
    }
    await writeBundle(path, redacted);
    host.stderr.write(`The bundle stands in ${path}. Look through it before you give it away.\n`);
    return true;
  } catch (error) {
    host.stderr.write(`The bundle could not be written: ${redact(messageOf(error))}\n`);
    return false;
  }
}

const readText = (path: string): string => readFileSync(path, 'utf8');
const readTextLater = (path: string): Promise<string> => readFile(path, 'utf8');
