import type { Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import { subdomainProblem } from './syntax.ts';

/** Reads `INGESTION_IMAGE_PULL_SECRETS`: names separated by commas; blanks around them do not count. */
export function parseImagePullSecrets(
  source: string,
  text: string | undefined,
): { readonly names: readonly string[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const names = (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  for (const name of names) {
    const bad = subdomainProblem(name);
    if (bad !== undefined) {
      findingsIn(problems, source).error(
        'invalid_name',
        `"${name.slice(0, 80)}" is not a Secret: ${bad}.`,
        'Write names separated by commas.',
      );
    }
  }
  return { names: [...new Set(names)], problems };
}
