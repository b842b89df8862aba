import { connect } from 'node:net';
import { abortError } from '@runner/core';
import { defineCheck } from '../check.ts';
import { authority } from '../../transport/proxy.ts';
import { systemCode } from '../errors.ts';
import { firstHops, waysOf } from '../ways.ts';

const WITHIN_MS = 8_000;

/** Opens and closes a connection to the first hop of each way. */
export const tcp = defineCheck({
  id: 'tcp',
  group: 'network',
  looksAt: 'whether a connection to the control plane (or the proxy) can be opened',
  deadlineMs: 12_000,
  reasons: {
    tcp_ok: { level: 'ok', when: 'The connection was opened.' },
    tcp_refused: {
      level: 'fail',
      when: 'Nothing listens at that host and port.',
      fix: 'Check host and port, and whether the control plane (or the proxy) is up.',
    },
    tcp_timeout: {
      level: 'fail',
      when: 'Nothing answered: a firewall or a NetworkPolicy may swallow the packets.',
      fix: 'Allow outbound TCP to this host and port (443 as a rule) from where the runner stands, or set HTTPS_PROXY.',
    },
    tcp_unreachable: {
      level: 'fail',
      when: 'There is no route, or the connection was cut.',
      fix: 'Check firewall, routes and, in a cluster, the egress NetworkPolicy; or set HTTPS_PROXY.',
    },
    tcp_not_tried: { level: 'skipped', when: 'The name has no address.' },
  },
  run: async ({ config, clock }, say, signal) =>
    await Promise.all(
      firstHops(waysOf(config.server)).map(async ({ host, port }) => {
        const code = await open(host, port, signal, (late) => clock.setTimer(WITHIN_MS, late));
        if (code !== undefined && signal.aborted) throw abortError(signal);
        const at = authority({ host, port });
        if (code === undefined) return say('tcp_ok', `${at} takes connections.`);
        if (code === 'ECONNREFUSED') return say('tcp_refused', `${at} refuses connections: nothing listens there.`);
        if (/ENOTFOUND|EAI_/.test(code)) return say('tcp_not_tried', `${host} has no address.`);
        if (code === 'ETIMEDOUT') return say('tcp_timeout', `${at} does not answer.`);
        return say('tcp_unreachable', `${at} cannot be reached (${code}).`);
      }),
    ),
});

/** Undefined when it was opened, else the code of the system. */
function open(
  host: string,
  port: number,
  signal: AbortSignal,
  timer: (late: () => void) => { cancel(): void },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const finish = (code: string | undefined): void => {
      running.cancel();
      socket.destroy();
      resolve(code);
    };
    const running = timer(() => finish('ETIMEDOUT'));
    socket.once('connect', () => finish(undefined));
    socket.on('error', (error) => finish(systemCode(error) ?? 'unknown'));
  });
}
