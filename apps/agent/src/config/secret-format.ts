import { parseSecretReference } from '@runner/secrets';
import type { Format } from './format.ts';
import { format, right, wrong } from './format.ts';

/** A reference to a secret; whether the store knows such ids is for the store to say. */
export const secretReference: Format<string> = format('secret:<id>', (text) => {
  const parsed = parseSecretReference(text);
  if (parsed === undefined) return wrong('is no reference', 'write secret: and the id of a secret, never a value');
  const [problem] = parsed.problems;
  if (problem === undefined) return right(text);
  return wrong(`cannot work: ${problem.message}`, problem.hint ?? 'write secret: and the id of a secret');
});
