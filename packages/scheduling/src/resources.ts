import type { Findings } from './problem.ts';
import { compareQuantities, parseQuantity } from './quantity.ts';
import { asObject, asText, compact, reportUnknownFields } from './shape.ts';
import { labelKeyProblem } from './syntax.ts';

/** Amounts by resource name: `cpu`, `memory`, `ephemeral-storage` or an extended one with a prefix. */
export type Amounts = Readonly<Record<string, string>>;

export interface Resources {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}

const PLAIN_NAMES = ['cpu', 'memory', 'ephemeral-storage'];

export function parseResources(value: unknown, findings: Findings): Resources | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['requests', 'limits'], findings);
  const amounts = (field: 'requests' | 'limits'): Amounts | undefined =>
    object[field] === undefined ? undefined : parseAmounts(object[field], findings.at(field));
  const resources = compact<Resources>({ requests: amounts('requests'), limits: amounts('limits') });
  checkRequestsWithinLimits(resources, findings);
  checkNotOvercommitted(resources, findings);
  return resources;
}

function parseAmounts(value: unknown, findings: Findings): Amounts | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  const amounts: Record<string, string> = {};
  for (const [name, raw] of Object.entries(object)) {
    const at = findings.at(name);
    if (!PLAIN_NAMES.includes(name) && !(name.includes('/') || name.startsWith('hugepages-'))) {
      at.error(
        'unknown_resource',
        'is no resource of a container.',
        `Known: ${PLAIN_NAMES.join(', ')}, or a name with a prefix.`,
      );
    } else if (labelKeyProblem(name) !== undefined) {
      at.error('unknown_resource', 'is no valid resource name.', 'Copy it from the node’s capacity.');
    }
    const amount = parseAmount(raw, at, name);
    if (amount !== undefined) amounts[name] = amount;
  }
  return amounts;
}

/** One amount; a plain number (as JSON has it) is taken as its text. */
export function parseAmount(raw: unknown, findings: Findings, resource: string): string | undefined {
  const text = typeof raw === 'number' ? String(raw) : asText(raw, findings);
  if (text === undefined) return undefined;
  const amount = parseQuantity(text);
  if (amount === undefined || amount < 0n) {
    findings.error('invalid_quantity', `"${text.slice(0, 40)}" is no amount.`, 'Write it as in 500m, 2, 512Mi or 4Gi.');
    return undefined;
  }
  checkSize(resource, text, findings);
  return text;
}

/** Amounts that Kubernetes takes and nobody means: `512m` of memory is half a byte, and 500 is 500 processors. */
function checkSize(resource: string, text: string, findings: Findings): void {
  const nothing = compareQuantities(text, '0') === 0;
  if (resource === 'memory' && !nothing && compareQuantities(text, '1Mi') < 0) {
    findings.error('amount_too_small', `is ${text}, less than a mebibyte.`, 'Write it with a unit: 512Mi, 4Gi.');
  }
  if (resource === 'cpu' && compareQuantities(text, '256') > 0) {
    findings.warning('amount_too_large', `is ${text} whole processors.`, 'For thousandths of one write m: 500m.');
  }
}

/** Devices and huge pages cannot be shared: the API server wants a limit, and a request that equals it. */
function checkNotOvercommitted({ requests = {}, limits = {} }: Resources, findings: Findings): void {
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (PLAIN_NAMES.includes(name) || (limit !== undefined && compareQuantities(request, limit) === 0)) continue;
    findings
      .at('requests')
      .at(name)
      .error('request_not_limit', 'must equal the limit of the same resource.', `Write the same amount under limits.`);
  }
}

/** A request above its limit is refused by the API server; said here, before a pod exists. */
export function checkRequestsWithinLimits(resources: Resources, findings: Findings): void {
  for (const [name, request] of Object.entries(resources.requests ?? {})) {
    const limit = resources.limits?.[name];
    if (limit === undefined || compareQuantities(request, limit) <= 0) continue;
    findings
      .at('requests')
      .at(name)
      .error(
        'request_above_limit',
        `asks for ${request}, more than the limit of ${limit}.`,
        'Lower the request or raise the limit.',
      );
  }
}
