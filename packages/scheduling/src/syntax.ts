/** Kubernetes' own rules for names, label keys and label values (API machinery, `validation` package). */

const LABEL_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

const RULE_PART = 'at most 63 letters, digits, "-", "_" or ".", beginning and ending with a letter or digit';

/** What is wrong with a label or taint key, or undefined. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = slash < 0 ? key : key.slice(slash + 1);
  if (prefix !== undefined && subdomainProblem(prefix) !== undefined) return 'its prefix must be a DNS name';
  if (name.length > 63 || !LABEL_PART.test(name)) return `its name must be ${RULE_PART}`;
  return undefined;
}

/** What is wrong with a label or taint value, or undefined. Empty is allowed. */
export function labelValueProblem(value: string): string | undefined {
  if (value === '') return undefined;
  return value.length > 63 || !LABEL_PART.test(value) ? `it must be ${RULE_PART}` : undefined;
}

/** What is wrong with a DNS subdomain (names of most objects), or undefined. */
export function subdomainProblem(name: string): string | undefined {
  if (name.length <= 253 && SUBDOMAIN.test(name)) return undefined;
  return 'it must be a DNS name: at most 253 lower-case letters, digits, "-" or "."';
}
