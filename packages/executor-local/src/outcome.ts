import type { Diagnosis, Outcome } from '@runner/executor';
import { diagnoseOutput, intendedDiagnosis } from '@runner/executor';
import type { IntentRecord, OutcomeRecord } from './records.ts';
import { NO_WORKING_DIRECTORY } from './records.ts';

/** What is known of an ended run. */
export interface Evidence {
  readonly outcome: OutcomeRecord;
  readonly intent?: IntentRecord;
  /** Name of the program, for sentences. */
  readonly deadlineSeconds: number;
  /** The redacted end of the output; asked for failures only. */
  readonly logTail?: string;
}

/** What the facts that a supervisor left behind mean. */
export function outcomeOf(evidence: Evidence): Outcome {
  const { outcome, intent } = evidence;
  const { exitCode, signal } = outcome;
  const facts = {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
  };
  if (outcome.stopped === 'intent' && intent?.reason === 'cancelled') return { result: 'cancelled', ...facts };
  if (outcome.stopped === undefined && exitCode === 0) return { result: 'succeeded', exitCode };
  return {
    result: 'failed',
    ...facts,
    diagnosis: diagnose(evidence),
    ...(evidence.logTail === undefined ? {} : { logTail: evidence.logTail }),
  };
}

function diagnose(evidence: Evidence): Diagnosis {
  const { outcome, logTail = '' } = evidence;
  const fatal = lostDiagnosis(outcome) ?? startDiagnosis(outcome) ?? stopDiagnosis(evidence);
  if (fatal !== undefined) return fatal;
  if (outcome.log.failed === 'ENOSPC' || outcome.log.failed === 'EDQUOT') return DISK_FULL;
  if (isKilled(outcome)) return OUT_OF_MEMORY;
  // A signal says less than a program that names its own trouble before.
  return diagnoseOutput(logTail) ?? exitDiagnosis(outcome);
}

/** SIGKILL that no supervisor sent; a shell in between reports it as exit code 137. */
function isKilled({ exitCode, signal }: OutcomeRecord): boolean {
  return signal === 'SIGKILL' || exitCode === 137;
}

const DISK_FULL: Diagnosis = {
  category: 'disk',
  code: 'disk_full',
  message: 'The disk that holds the run was full; its log could not be written to the end.',
  hint: 'Free space on the disk of the local executor, or lower the limits of its logs.',
  permanent: true,
};

const OUT_OF_MEMORY: Diagnosis = {
  category: 'out_of_memory',
  code: 'out_of_memory',
  message:
    'The program was killed (SIGKILL) and the runner did not do it: most likely the kernel, because memory ran out.',
  hint: 'Look for "Out of memory" in the kernel log; give the machine more memory, or run less at the same time.',
  permanent: true,
};

function lostDiagnosis({ lost }: OutcomeRecord): Diagnosis | undefined {
  if (lost === 'host') {
    return {
      category: 'node_lost',
      code: 'host_restarted',
      message: 'The host was restarted while the run was going on.',
      hint: 'Start the run again.',
      permanent: true,
    };
  }
  if (lost === 'supervisor') {
    return {
      category: 'lost',
      code: 'supervisor_lost',
      message: 'The process that supervised the run was killed, so how the run would have ended is not known.',
      hint: 'Look for who killed it: "Out of memory" in the kernel log, or a service manager that kills whole groups.',
      permanent: true,
    };
  }
  return undefined;
}

const START_PROBLEMS: Readonly<Record<string, Omit<Diagnosis, 'permanent'>>> = {
  ENOENT: {
    category: 'configuration',
    code: 'program_not_found',
    message: 'The program of the run does not exist, or is not found in PATH.',
    hint: 'Install the ingestion where the agent runs, or name the program in INGESTION_COMMAND.',
  },
  EACCES: {
    category: 'configuration',
    code: 'program_not_executable',
    message: 'The program of the run may not be executed by this user.',
    hint: 'Make it executable (chmod +x) for the user of the agent, or name its interpreter in INGESTION_COMMAND.',
  },
  ENOEXEC: {
    category: 'configuration',
    code: 'program_not_executable',
    message: 'The program of the run is no program: the system cannot execute its format.',
    hint: 'Give a script its first line (#!), or name its interpreter in INGESTION_COMMAND.',
  },
  E2BIG: {
    category: 'configuration',
    code: 'environment_too_large',
    message: 'The environment of the run is larger than the system allows.',
    hint: 'Shorten the extra environment variables.',
  },
  EAGAIN: {
    category: 'quota',
    code: 'too_many_processes',
    message: 'The system refused to start another process for this user.',
    hint: 'Raise the limit of processes (ulimit -u), or run less at the same time.',
  },
  ENOMEM: {
    category: 'out_of_memory',
    code: 'out_of_memory',
    message: 'There was no memory left to start the program.',
    hint: 'Give the machine more memory, or run less at the same time.',
  },
  [NO_WORKING_DIRECTORY]: {
    category: 'configuration',
    code: 'no_working_directory',
    message: 'The folder in which the program should start does not exist.',
    hint: 'Create it, or set another working directory for the local executor.',
  },
};
// EPERM is what some systems say for EACCES; EMFILE and ENFILE are other limits of the same kind as EAGAIN.
const ALIASES: Readonly<Record<string, string>> = { EPERM: 'EACCES', EMFILE: 'EAGAIN', ENFILE: 'EAGAIN' };

function startDiagnosis({ startError }: OutcomeRecord): Diagnosis | undefined {
  if (startError === undefined) return undefined;
  const known = START_PROBLEMS[ALIASES[startError] ?? startError];
  if (known !== undefined) return { ...known, permanent: true };
  return {
    category: 'unknown',
    code: 'program_not_started',
    message: `The program of the run could not be started (${startError}).`,
    permanent: true,
  };
}

/** The file that said why is gone. */
const ENDED_ON_PURPOSE: Diagnosis = {
  category: 'unknown',
  code: 'ended',
  message: 'The run was ended on purpose.',
  permanent: true,
};

function stopDiagnosis({ outcome, intent, deadlineSeconds }: Evidence): Diagnosis | undefined {
  switch (outcome.stopped) {
    case undefined:
      return undefined;
    case 'deadline':
      return {
        category: 'deadline',
        code: 'run_deadline',
        message: `The run took longer than its deadline of ${deadlineSeconds} s and was ended.`,
        hint: 'Let the pipeline read less at once, or raise its workflowTimeout or RUN_DEADLINE_SECONDS.',
        permanent: true,
      };
    case 'host':
      return {
        category: 'signal',
        code: 'stopped_with_host',
        message: 'The host, or somebody on it, asked the supervisor of the run to stop.',
        hint: 'Under systemd set KillMode=process for the agent, so that runs outlive its restarts.',
        permanent: true,
      };
    case 'intent':
      return intent === undefined ? ENDED_ON_PURPOSE : intendedDiagnosis(intent);
  }
}

function exitDiagnosis({ exitCode, signal }: OutcomeRecord): Diagnosis {
  if (signal !== undefined) {
    return {
      category: 'signal',
      code: 'died_by_signal',
      message: `The program was ended by ${signal}, which the runner did not send.`,
      permanent: true,
    };
  }
  return {
    category: 'program',
    code: 'exit_code',
    message: `The program ended with exit code ${exitCode ?? 'unknown'}.`,
    hint: 'The end of its output says more.',
    permanent: true,
  };
}
