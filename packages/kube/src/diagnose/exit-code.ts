import { constants } from 'node:os';
import type { Diagnosis } from '@runner/executor';

const FIRST_SIGNAL = 128;
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    // The second names of two signals.
    .filter(([name]) => name !== 'SIGIOT' && name !== 'SIGPOLL')
    .map(([name, number]) => [number, name]),
);

/** Name of the signal that an exit code of a container stands for (`137` is `SIGKILL`), or undefined. */
export function signalOfExitCode(exitCode: number): string | undefined {
  return exitCode > FIRST_SIGNAL ? NAMES.get(exitCode - FIRST_SIGNAL) : undefined;
}

const HINTS: Readonly<Record<string, string>> = {
  SIGKILL:
    'Most often memory ran out: a process inside the container, or the node. Look at the memory of node and pod.',
  SIGSEGV: 'A native library of the image crashed; the end of the output may say which.',
  SIGBUS: 'A native library of the image crashed; the end of the output may say which.',
  SIGABRT: 'The program gave up by itself; the end of the output may say why.',
  SIGTERM: 'Somebody asked the pod to stop, or the program stopped itself.',
};

/** What the exit code of a program that failed says by itself. */
export function exitCodeDiagnosis(exitCode: number): Diagnosis {
  const signal = signalOfExitCode(exitCode);
  if (signal !== undefined) {
    const hint = HINTS[signal];
    return {
      category: 'signal',
      code: 'died_by_signal',
      message: `The program was ended by ${signal} (exit code ${exitCode}), which the runner did not send.`,
      ...(hint === undefined ? {} : { hint }),
      permanent: true,
    };
  }
  if (exitCode === 126 || exitCode === 127) {
    return {
      category: 'program',
      code: exitCode === 127 ? 'program_not_found' : 'program_not_executable',
      message:
        exitCode === 127
          ? 'A program that the run calls was not found (exit code 127).'
          : 'A program that the run calls may not be executed (exit code 126).',
      hint: 'The end of its output names it. Check that INGESTION_IMAGE is an ingestion image.',
      permanent: true,
    };
  }
  return {
    category: 'program',
    code: 'exit_code',
    message: `The program ended with exit code ${exitCode}.`,
    hint: 'The end of its output says more.',
    permanent: true,
  };
}
