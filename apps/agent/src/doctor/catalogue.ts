import { COMMON_REASONS } from './check.ts';
import type { Check, Reason } from './check.ts';
import { agentPods } from './checks/agent-pods.ts';
import { argoController } from './checks/argo-controller.ts';
import { argoDefinitions } from './checks/argo-definitions.ts';
import { argoServer } from './checks/argo-server.ts';
import { clock } from './checks/clock.ts';
import { cluster } from './checks/cluster.ts';
import { configuration } from './checks/configuration.ts';
import { dns } from './checks/dns.ts';
import { image } from './checks/image.ts';
import { metrics } from './checks/metrics.ts';
import { namespaces } from './checks/namespaces.ts';
import { placement } from './checks/placement.ts';
import { podSecurity } from './checks/pod-security.ts';
import { priorityClasses } from './checks/priority-classes.ts';
import { proxy } from './checks/proxy.ts';
import { pullSecrets } from './checks/pull-secrets.ts';
import { quota } from './checks/quota.ts';
import { rights } from './checks/rights.ts';
import { secret } from './checks/secret.ts';
import { secretsManager } from './checks/secrets-manager.ts';
import { server } from './checks/server.ts';
import { serviceAccount } from './checks/service-account.ts';
import { tcp } from './checks/tcp.ts';
import { tls } from './checks/tls.ts';
import { token } from './checks/token.ts';
import { websocket } from './checks/websocket.ts';

/** Every check, in the order in which they are told. Adding one is adding a line. */
export const CHECKS: readonly Check[] = [
  configuration,
  ...[dns, tcp, proxy, tls, websocket, token, server, clock],
  ...[cluster, rights, namespaces, serviceAccount, podSecurity, quota, priorityClasses, placement, pullSecrets, image],
  ...[argoDefinitions, argoController, argoServer],
  ...[secretsManager, secret],
  ...[agentPods, metrics],
];

/** All checks with their reasons as Markdown; a test keeps docs/doctor.md equal to it. */
export function checkTable(): string {
  const rows = CHECKS.flatMap(({ id, looksAt, reasons }) => [
    row(`**${id}**`, '', sentence(looksAt), ''),
    ...Object.entries(reasons).map(([name, reason]) => reasonRow(name, reason)),
  ]);
  const common = Object.entries<Reason>(COMMON_REASONS).map(([name, reason]) => reasonRow(name, reason));
  return [
    row('Check and its reasons', 'Level', 'When', 'Fix'),
    '| --- | --- | --- | --- |',
    ...rows,
    row('**any check**', '', '', ''),
    ...common,
  ].join('\n');
}

const reasonRow = (name: string, { level, when, fix = '' }: Reason): string => row(`\`${name}\``, level, when, fix);
const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const sentence = (text: string): string => `Looks at ${text}.`;
