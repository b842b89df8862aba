import type { Finding } from '../../config.ts';
import { defineCheck } from '../check.ts';
import type { Result } from '../check.ts';

const REASONS = {
  configuration_ok: { level: 'ok', when: 'Every variable makes sense.' },
  variable_wrong: {
    level: 'fail',
    when: 'A variable is missing or wrong: the runner would not start. Nothing else is looked at.',
    fix: 'The result says what to write.',
  },
  variable_doubtful: {
    level: 'warn',
    when: 'A variable has no effect, is an old name, or is misspelt; among them the placement variable of the other executor.',
    fix: 'The result says what to write.',
  },
} as const;

/** What the runner itself would say of its environment at its start. */
export const configuration = defineCheck({
  id: 'configuration',
  group: 'configuration',
  looksAt: 'every environment variable, and the files they name',
  reasons: REASONS,
  run: (context) => Promise.resolve(configurationResults([], context.warnings)),
});

export function configurationResults(problems: readonly Finding[], warnings: readonly Finding[]): readonly Result[] {
  const results = [
    ...problems.map((finding) => resultOf('variable_wrong', finding)),
    ...warnings.map((finding) => resultOf('variable_doubtful', finding)),
  ];
  if (results.length > 0) return results;
  return [{ level: 'ok', reason: 'configuration_ok', message: 'Every variable makes sense.' }];
}

function resultOf(reason: keyof typeof REASONS, { variable, message, read, fix }: Finding): Result {
  const told = read === undefined ? '' : ` (read: ${read})`;
  return { level: REASONS[reason].level, reason, message: `${variable} ${message}${told}.`, fix: `${capital(fix)}.` };
}

const capital = (text: string): string => text.replace(/^[a-z](?![A-Z_])/, (first) => first.toUpperCase());
