import { isRunnerError } from '@runner/core';
import { defineCheck, isReason } from '../check.ts';
import { secureContextOf, tunnelTo } from '../certificates.ts';
import { wordsOf } from '../errors.ts';
import { waysOf } from '../ways.ts';

const REASONS = {
  proxy_ok: { level: 'ok', when: 'The proxy connects to the control plane.' },
  proxy_none: { level: 'ok', when: 'No proxy is set, or NO_PROXY names the control plane.' },
  proxy_authentication: {
    level: 'fail',
    when: 'The proxy wants a user name and a password, or refuses those it got.',
    fix: 'Put them into HTTPS_PROXY as http://user:password@host:port, percent-encoded.',
  },
  proxy_refused: {
    level: 'fail',
    when: 'The proxy does not connect to the control plane.',
    fix: 'Let the proxy permit CONNECT to this host and port, or name the host in NO_PROXY.',
  },
  proxy_unreachable: {
    level: 'fail',
    when: 'The proxy does not answer, or its certificate is not trusted.',
    fix: 'Check host and port of HTTPS_PROXY; put the authority of its certificate into SERVER_CA_FILE.',
  },
} as const;

/** Asks the proxy for a connection to each address of the control plane, the socket's and that of REST. */
export const proxy = defineCheck({
  id: 'proxy',
  group: 'network',
  looksAt: 'the proxy, for the socket and for REST',
  deadlineMs: 18_000,
  reasons: REASONS,
  run: async ({ config, clock }, say) => {
    const secureContext = secureContextOf(config.server);
    return await Promise.all(
      waysOf(config.server).map(async (way) => {
        if (way.proxy === undefined) return say('proxy_none', `${way.address} is reached without a proxy.`);
        try {
          (await tunnelTo(way, secureContext, clock))?.destroy();
          return say('proxy_ok', `The proxy ${way.proxy.origin} connects to ${way.address} (${way.name}).`);
        } catch (error) {
          const code = isRunnerError(error) ? error.code : '';
          const { message, fix } = wordsOf(error);
          return say(isReason(REASONS, code) ? code : 'proxy_unreachable', message, fix);
        }
      }),
    );
  },
});
