import type { TokenRole } from '../store/ports.ts';

/**
 * Who may do what, as data: the routes name an operation, the hook looks here, the README's table and its test too.
 * `run` and `exitStep` are the workload's own tokens: beyond this list they reach only what belongs to their run
 * (`run-scope.ts`). A runner's token sees its own entry only.
 */
export const ACCESS = {
  'version.read': 'public',
  'keys.read': 'public',
  'health.read': 'public',
  'documentation.read': 'public',
  'services.read': ['admin', 'user', 'bot', 'run'],
  'services.write': ['admin', 'user'],
  'definitions.read': ['admin', 'user', 'bot', 'run'],
  'definitions.write': ['admin'],
  'pipelines.read': ['admin', 'user', 'bot', 'run', 'exitStep'],
  'pipelines.write': ['admin', 'user'],
  'pipelines.run': ['admin', 'user', 'bot'],
  'statuses.read': ['admin', 'user', 'bot', 'run', 'exitStep'],
  'statuses.write': ['admin', 'bot', 'run', 'exitStep'],
  'statuses.delete': ['admin', 'user'],
  'progress.read': ['admin', 'user', 'bot'],
  'progress.write': ['admin', 'bot', 'run'],
  'logs.read': ['admin', 'user', 'bot'],
  'logs.write': ['admin', 'bot', 'run'],
  'automations.read': ['admin', 'user', 'bot', 'run'],
  'automations.write': ['admin', 'user'],
  'automations.run': ['admin', 'user', 'bot'],
  'automations.report': ['admin', 'user', 'bot', 'run'],
  'apps.read': ['admin', 'user', 'bot', 'run'],
  'apps.write': ['admin', 'user'],
  'apps.run': ['admin', 'user', 'bot'],
  'runners.read': ['admin', 'user', 'bot', 'runner'],
  'runners.write': ['admin'],
  'secrets.check': ['admin', 'user'],
  'runs.read': ['admin', 'user', 'bot'],
  'runs.kill': ['admin', 'user'],
  'tokens.manage': ['admin'],
} as const satisfies Readonly<Record<string, 'public' | readonly TokenRole[]>>;

export type Operation = keyof typeof ACCESS;

/** Whether a role may do this. */
export function mayDo(role: TokenRole, operation: Operation): boolean {
  const roles: 'public' | readonly TokenRole[] = ACCESS[operation];
  return roles === 'public' || roles.includes(role);
}

export function isPublic(operation: Operation): boolean {
  return ACCESS[operation] === 'public';
}
