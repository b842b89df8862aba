import { isRunnerError } from '@runner/core';
import type { Logger } from '@runner/core';
import type { Policy, PolicyVerdict, RunConnection } from '@runner/dispatch';
import { serialiseConfig } from '@runner/executor';
import type { ConfigSettings, RunSpec, SecretsManagerProvider } from '@runner/executor';
import { findPlaintextSecrets, findSecretReferences, validateSecretId } from '@runner/secrets';
import type { FoundReference, PlaintextFinding } from '@runner/secrets';

export interface PolicyOptions {
  /** What is merged into every config; `secretsManager` also decides which references can work. */
  readonly config: ConfigSettings & { readonly secretsManager: SecretsManagerProvider };
  /** What to do with plain values in masked fields. */
  readonly plaintext: 'refuse' | 'warn' | 'allow';
  readonly logger: Logger;
}

const MOST_LISTED = 10;

/** What the agent looks at before anything is created, for its own side: sizes, plain passwords, references that cannot work. */
export function createPolicy(options: PolicyOptions): Policy {
  return {
    check: (spec, connection) =>
      sizeVerdict(spec, options.config) ??
      (connection === undefined ? undefined : connectionVerdict(spec, connection, options)) ?? { verdict: 'allow' },
  };
}

type Verdict = PolicyVerdict | undefined;

function sizeVerdict(spec: RunSpec, settings: ConfigSettings): Verdict {
  try {
    serialiseConfig(spec, settings);
    return undefined;
  } catch (error) {
    if (!isRunnerError(error, 'config_too_large')) throw error;
    return {
      verdict: 'refuse',
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
}

function connectionVerdict(spec: RunSpec, connection: RunConnection, options: PolicyOptions): Verdict {
  const references = referencesIn(connection);
  if (references === undefined) return UNREADABLE;
  const findings = findPlaintextSecrets(connection.value, connection.type);
  const refused = findings.filter((finding) => finding.level === 'refuse');
  return (
    plaintextVerdict(spec, refused.filter(isPlaintext), options) ??
    malformedVerdict(refused.find((finding) => !isPlaintext(finding))) ??
    referenceVerdict(references, options.config.secretsManager)
  );
}

const isPlaintext = (finding: PlaintextFinding): boolean => finding.code.startsWith('plaintext_');

function plaintextVerdict(spec: RunSpec, findings: readonly PlaintextFinding[], options: PolicyOptions): Verdict {
  const [first] = findings;
  if (first === undefined || options.plaintext === 'allow') return undefined;
  const pointers = findings.map((finding) => finding.pointer);
  if (options.plaintext === 'warn') {
    options.logger.warn('a service connection holds credentials in plain text', { runId: spec.runId, pointers });
    return undefined;
  }
  return {
    verdict: 'refuse',
    code: 'plaintext_secret',
    message: `the service connection holds credentials in plain text at ${listed(pointers)}`,
    hint: first.hint,
  };
}

/** Whatever the mode: what nobody can look into may hold anything. */
const UNREADABLE: Verdict = {
  verdict: 'refuse',
  code: 'plaintext_secret',
  message: 'the service connection cannot be checked: it is nested too deep',
  hint: 'no connection type is nested like that; check what was sent',
};

/** Undefined for a connection that is nested without end. */
function referencesIn(connection: RunConnection): readonly FoundReference[] | undefined {
  try {
    return findSecretReferences(connection.value);
  } catch (error) {
    if (!isRunnerError(error, 'secret_config_unresolved')) throw error;
    return undefined;
  }
}

function malformedVerdict(finding: PlaintextFinding | undefined): Verdict {
  if (finding === undefined) return undefined;
  return {
    verdict: 'refuse',
    code: 'invalid_secret_reference',
    message: `the secret reference at ${finding.pointer} cannot be used: ${finding.message}`,
    hint: finding.hint,
  };
}

function referenceVerdict(references: readonly FoundReference[], manager: SecretsManagerProvider): Verdict {
  for (const { pointer, id } of references) {
    const [problem] = validateSecretId(manager, id);
    if (problem === undefined) continue;
    return {
      verdict: 'refuse',
      code: 'invalid_secret_reference',
      message: `the secret reference at ${pointer} cannot be used with the secrets manager ${manager}: ${problem.message}`,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    };
  }
  return undefined;
}

function listed(pointers: readonly string[]): string {
  const more = pointers.length - MOST_LISTED;
  return pointers.slice(0, MOST_LISTED).join(', ') + (more > 0 ? ` and ${more} more places` : '');
}
