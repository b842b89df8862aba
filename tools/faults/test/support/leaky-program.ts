/**
 * A workload that reads its service and resolves its password as a workload should, and then does with it what no workload
 * should. Which of the ways is the end of the pipeline's name.
 */
import { createSecretResolver, findSecretReferences } from '@runner/secrets';
import { chooseProvider } from '@runner/secrets/choose';
import { inheritedRegister } from '@runner/secrets/exec';

interface Config {
  readonly source: { readonly serviceName: string };
  readonly workflowConfig: {
    readonly openMetadataServerConfig: {
      readonly hostPort: string;
      readonly securityConfig: { readonly jwtToken: string };
    };
  };
}

const { env } = process;
const config = JSON.parse(env['config'] ?? '{}') as Config;
const { hostPort, securityConfig } = config.workflowConfig.openMetadataServerConfig;

async function readService(): Promise<unknown> {
  const response = await fetch(`${hostPort}/v1/services/databaseServices/name/${config.source.serviceName}`, {
    headers: { authorization: `Bearer ${securityConfig.jwtToken}` },
  });
  return await response.json();
}

async function resolveAll(service: unknown): Promise<readonly string[]> {
  const register = inheritedRegister(env);
  await using resolver = createSecretResolver({
    provider: await chooseProvider(env['SECRETS_MANAGER'] ?? '', {
      env,
      file: { folder: env['SECRETS_FILE_DIR'] ?? '' },
    }),
    ...(register === undefined ? {} : { register }),
  });
  const values: string[] = [];
  for (const { id } of findSecretReferences(service)) values.push((await resolver.resolve(`secret:${id}`)).reveal());
  return values;
}

/** The ways of writing a text that a program of this kind may come up with, made here and not by what redacts them. */
function writings(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  return [
    text,
    `https://user:${encodeURIComponent(text)}@host/?q=${new URLSearchParams({ p: text }).toString()}`,
    bytes.toString('base64'),
    bytes.toString('base64url'),
    Buffer.from(`user:${text}`).toString('base64'),
    Buffer.from(`{"password":${JSON.stringify(text)},"next":1}`).toString('base64'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    JSON.stringify({ password: text, nested: JSON.stringify({ password: text }) }),
    `export PGPASSWORD='${text.replaceAll("'", String.raw`'\''`)}'`,
    `{'password': '${text
      .replaceAll('\\', '\\\\')
      .replaceAll("'", String.raw`\'`)
      .replaceAll('\n', String.raw`\n`)}'}`,
  ];
}

/** Cut into pieces at every place, and now on the one output, now on the other. */
function printTorn(text: string): void {
  for (const [index, line] of [...writings(text), ''].entries()) {
    const bytes = Buffer.from(`${line}\n`);
    for (let at = 0; at < bytes.length; at += 1 + ((at * 7) % 13)) {
      const output = index % 2 === 0 ? process.stdout : process.stderr;
      output.write(bytes.subarray(at, at + 1 + ((at * 7) % 13)));
    }
  }
}

function printEverything(values: readonly string[]): void {
  for (const value of [...values, securityConfig.jwtToken]) {
    for (const line of writings(value)) console.log('value:', line);
    printTorn(value);
  }
  console.log(JSON.stringify(env));
  console.error(env);
  console.log(Buffer.from(env['config'] ?? '').toString('base64'));
}

const WAYS: Readonly<Record<string, (values: readonly string[]) => void>> = {
  prints: (values) => {
    printEverything(values);
    process.exitCode = 1;
  },
  crashes: ([value = '']) => {
    throw new Error(`cannot connect with ${value} (${JSON.stringify(value)})`, {
      cause: new TypeError(Buffer.from(value).toString('base64')),
    });
  },
  hangs: (values) => {
    printEverything(values);
    console.log(`that is all of ${process.pid}`);
    // Long enough for whoever wants to end it, and not for ever.
    setTimeout(() => undefined, 60_000);
  },
};

const way = Object.keys(WAYS).find((name) => (env['ingestionPipelineFQN'] ?? '').endsWith(name)) ?? '';
WAYS[way]?.(await resolveAll(await readService()));
