// Asks for one secret as a program of its own: argument 1 the secrets manager, 2 the id, 3 options as JSON. Prints the outcome
// as JSON and ends by itself, which it does not when something keeps it alive.
import { isRunnerError } from '@runner/core';
import { chooseProvider } from '@runner/secrets/choose';

const [, , name = '', id = '', options = '{}'] = process.argv;
const provider = await chooseProvider(name, { env: process.env, ...(JSON.parse(options) as object) });
const outcome = await provider.fetch(id, { signal: new AbortController().signal }).then(
  ({ value }) => ({ value: value.reveal() }),
  (error: unknown) => (isRunnerError(error) ? { error: error.toJSON() } : { foreign: String(error) }),
);
await provider.close?.();
console.log(JSON.stringify({ ...outcome, identity: provider.describe().identity }));
