import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '@runner/core';

/** What `doctor` was asked for. */
export interface Arguments {
  readonly json: boolean;
  /** Where to write the bundle. */
  readonly bundle: string | undefined;
  /** Absolute. */
  readonly kubeconfig: string | undefined;
  readonly reference: string | undefined;
  readonly pods: boolean;
}

/** As the file of a bundle: standard output, in place of the answer, which is in the bundle. */
export const STDOUT = '-';

export type ArgumentsResult =
  | { readonly kind: 'run'; readonly arguments: Arguments }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly message: string };

export const USAGE = `Usage: hybrid-runner doctor [options]

Looks at everything the runner needs, with the same environment variables, and says what is wrong and how to mend it.

  --json              the answer as JSON
  --bundle FILE       write what a bug report needs into FILE (JSON, redacted), too;
                      -: to standard output, in place of the answer
  --kubeconfig PATH   look at the cluster as this kubeconfig says
  --reference REF     have this reference (secret:<id>) read in a pod, as workloads would
  --no-pods           make no pods: neither for the image nor for the reference
  --help              this text

Exit codes: 0 nothing fails, 1 something fails or FILE cannot be written, 78 the configuration (or this command line) is wrong.
`;

/** Pure. A reference that is none is refused without being repeated: it may be the secret itself. */
export function readArguments(argv: readonly string[], cwd: string): ArgumentsResult {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        json: { type: 'boolean', default: false },
        bundle: { type: 'string' },
        kubeconfig: { type: 'string' },
        reference: { type: 'string' },
        'no-pods': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    if (values.reference !== undefined && !/^secret:\S+$/.test(values.reference)) {
      return { kind: 'wrong', message: '--reference takes a reference, secret:<id>' };
    }
    const path = (text: string | undefined): string | undefined =>
      text === undefined || text === STDOUT || isAbsolute(text) ? text : resolve(cwd, text);
    return {
      kind: 'run',
      arguments: {
        json: values.json,
        bundle: path(values.bundle),
        kubeconfig: path(values.kubeconfig),
        reference: values.reference,
        pods: !values['no-pods'],
      },
    };
  } catch (error) {
    return { kind: 'wrong', message: messageOf(error).split('\n')[0] ?? '' };
  }
}
