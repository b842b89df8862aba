import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { untilAborted } from '@runner/core';
import { defineCheck } from '../check.ts';
import { systemCode } from '../errors.ts';
import { firstHops, waysOf } from '../ways.ts';

/** Names are resolved as connections do it. Where a proxy is used, the server's name is the proxy's business. */
export const dns = defineCheck({
  id: 'dns',
  group: 'network',
  looksAt: 'the names of the control plane, or of the proxy where one is used',
  deadlineMs: 10_000,
  reasons: {
    dns_ok: { level: 'ok', when: 'The name has an address.' },
    dns_not_needed: { level: 'ok', when: 'The address is no name.' },
    dns_failed: {
      level: 'fail',
      when: 'The name cannot be resolved.',
      fix: 'Check the host in SERVER_URL (or in the proxy variable), and the DNS of the machine or cluster.',
    },
  },
  run: async ({ config }, say, signal) => {
    const hosts = [...new Set(firstHops(waysOf(config.server)).map(({ host }) => host))];
    return await Promise.all(
      hosts.map(async (host) => {
        if (isIP(host) !== 0) return say('dns_not_needed', `${host} is an address.`);
        try {
          // A look-up cannot be taken back.
          const found = await untilAborted(lookup(host, { all: true }), signal);
          return say('dns_ok', `${host} is ${found.map(({ address }) => address).join(', ')}.`);
        } catch (error) {
          if (signal.aborted) throw error;
          return say('dns_failed', `${host} cannot be resolved (${systemCode(error) ?? 'no reason given'}).`);
        }
      }),
    );
  },
});
