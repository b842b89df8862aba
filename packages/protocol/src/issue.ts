import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Where a message was wrong and what was expected there, from the schema alone: never a value that was received. */
export function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'not as specified';
  return `${describePath(issue.path)}: ${describeExpectation(issue)}`;
}

/** Names of this vocabulary are short words; the keys of a map are the sender's text and are not repeated. */
function describePath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'frame';
  return path
    .map((segment, at) => {
      if (typeof segment === 'number') return String(segment);
      return MAPS.has(path[at - 1] ?? '') || typeof segment !== 'string' ? '*' : segment;
    })
    .join('.');
}

/** Fields whose keys are data. */
const MAPS: ReadonlySet<PropertyKey> = new Set(['types', 'config', 'value']);

function describeExpectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`;
    case 'too_big':
      return `expected at most ${issue.maximum} (${issue.origin})`;
    case 'too_small':
      return `expected at least ${issue.minimum} (${issue.origin})`;
    case 'invalid_format':
      return `expected ${issue.format}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    case 'custom':
      return issue.message;
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return 'not one of the specified forms';
  }
}
