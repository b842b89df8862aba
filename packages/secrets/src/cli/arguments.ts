import { parseArgs } from 'node:util';

export type Command =
  | {
      readonly command: 'check';
      readonly provider: string | undefined;
      readonly references: readonly string[];
      readonly json: boolean;
      /** File that gets the answer instead of standard output. */
      readonly output: string | undefined;
    }
  | {
      readonly command: 'get';
      readonly provider: string | undefined;
      readonly reference: string;
      readonly show: boolean;
    }
  | {
      readonly command: 'exec';
      readonly provider: string | undefined;
      /** More variables for the program, `NAME` to `secret:id`. */
      readonly variables: Readonly<Record<string, string>>;
      /** File whose JSON becomes the variable `config`. */
      readonly configFile: string | undefined;
      /** More references whose values are redacted, though the program gets them by itself or not at all. */
      readonly redact: readonly string[];
      /** The program gets references as they are, and resolves them itself. */
      readonly keepReferences: boolean;
      /** Somebody above sends signals to the whole process group. */
      readonly supervised: boolean;
      readonly program: readonly [string, ...string[]];
    }
  | { readonly command: 'help' }
  | { readonly command: 'usage'; readonly problem: string };

export const HELP = `runner-secrets: secret references on the command line

  runner-secrets check [--json] [--output FILE] REF...       can it be read, as whom, is the value as it should be
  runner-secrets get [--show] REF                            writes the value; to a terminal only with --show
  runner-secrets exec [--env NAME=REF]... [--config FILE] -- PROGRAM [ARG...]
                                                             runs PROGRAM with references in its environment and in
                                                             its variable config resolved, and redacts its output
       --redact REF        redact this one too; may be repeated
       --keep-references   hand references on as they are, for a program that resolves them itself, and redact all the same
       --supervised        signals come to the whole process group, so hand none on

REF is secret:<id>. The store is named by --provider or SECRETS_MANAGER; its settings are the variables of OpenMetadata.
`;

const OPTIONS = {
  provider: { type: 'string' },
  json: { type: 'boolean' },
  show: { type: 'boolean' },
  env: { type: 'string', multiple: true },
  config: { type: 'string' },
  output: { type: 'string' },
  redact: { type: 'string', multiple: true },
  'keep-references': { type: 'boolean' },
  supervised: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  check: ['provider', 'json', 'output', 'help'],
  get: ['provider', 'show', 'help'],
  exec: ['provider', 'env', 'config', 'redact', 'keep-references', 'supervised', 'help'],
};

/** Reads the command line, without the names of interpreter and script. */
export function parseArguments(argv: readonly string[]): Command {
  const [name = 'help', ...rest] = argv;
  if (['help', '--help', '-h'].includes(name)) return { command: 'help' };
  const allowed = ALLOWED[name];
  if (allowed === undefined) return usage(`there is no command ${JSON.stringify(name)}`);
  // What stands behind -- is the program's; options of ours before it only.
  const split = rest.indexOf('--');
  const own = split < 0 ? rest : rest.slice(0, split);
  const program = split < 0 ? [] : rest.slice(split + 1);
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    });
    const stranger = Object.keys(values).find((option) => !allowed.includes(option));
    if (stranger !== undefined) return usage(`${name} has no option --${stranger}`);
    if (values.help === true) return { command: 'help' };
    return assembled(name, values, positionals, program);
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

interface Values {
  readonly provider?: string;
  readonly json?: boolean;
  readonly show?: boolean;
  readonly env?: readonly string[];
  readonly config?: string;
  readonly output?: string;
  readonly redact?: readonly string[];
  readonly 'keep-references'?: boolean;
  readonly supervised?: boolean;
}

function assembled(name: string, values: Values, positionals: readonly string[], program: readonly string[]): Command {
  const { provider } = values;
  if (name !== 'exec' && program.length > 0) return usage(`${name} runs no program`);
  if (name === 'check') {
    if (positionals.length === 0) return usage('check needs at least one reference');
    const { json = false, output } = values;
    return { command: 'check', provider, references: positionals, json, output };
  }
  const [reference] = positionals;
  if (name === 'get') {
    if (reference === undefined || positionals.length > 1) return usage('get needs exactly one reference');
    return { command: 'get', provider, reference, show: values.show === true };
  }
  return assembledExec(values, reference, program);
}

function assembledExec(values: Values, stranger: string | undefined, program: readonly string[]): Command {
  const { provider, redact = [], supervised = false, 'keep-references': keepReferences = false } = values;
  const [first, ...args] = program;
  if (stranger !== undefined) return usage(`put -- before the program: ${JSON.stringify(stranger)} is no option`);
  if (first === undefined) return usage('exec needs a program behind --');
  const variables = variablesOf(values.env ?? []);
  if (typeof variables === 'string') return usage(variables);
  if (!redact.every((one) => one.startsWith('secret:'))) return usage('--redact wants a reference, secret:id');
  return {
    ...{ command: 'exec', provider, variables, configFile: values.config },
    ...{ redact, keepReferences, supervised, program: [first, ...args] },
  };
}

/** The variables, or what is wrong with them. The part behind the sign is not repeated: it may be a password. */
function variablesOf(given: readonly string[]): Readonly<Record<string, string>> | string {
  const variables: Record<string, string> = {};
  for (const text of given) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(at, 0));
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return '--env wants NAME=secret:id';
    if (!text.slice(at + 1).startsWith('secret:')) return `--env ${name}= wants a reference, secret:id`;
    variables[name] = text.slice(at + 1);
  }
  return variables;
}

function usage(problem: string): Command {
  return { command: 'usage', problem };
}
