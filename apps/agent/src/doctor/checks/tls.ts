import { secureContextOf, shakeHands, tunnelTo } from '../certificates.ts';
import type { Handshake, Shown } from '../certificates.ts';
import { defineCheck } from '../check.ts';
import type { Result, Say } from '../check.ts';
import type { ProxySettings } from '../../config/proxy-format.ts';
import { waysOf } from '../ways.ts';

const REASONS = {
  tls_ok: { level: 'ok', when: 'The certificate is trusted, for this name, and valid.' },
  tls_none: { level: 'warn', when: 'The address is `ws://` or `http://`.', fix: 'Use wss:// as soon as you can.' },
  tls_untrusted: {
    level: 'fail',
    when: 'The authority that signed the certificate is not trusted here: a private one, or that of a proxy that looks into TLS.',
    fix: 'Put the certificate of that authority, as PEM, into the file that SERVER_CA_FILE (or NODE_EXTRA_CA_CERTS) names.',
  },
  tls_name: {
    level: 'fail',
    when: 'The certificate is for another name.',
    fix: 'Use the host name the certificate was made for in SERVER_URL.',
  },
  tls_expired: {
    level: 'fail',
    when: 'The certificate has expired.',
    fix: 'Renew it, or set the clock of this machine right (see the check clock).',
  },
  tls_not_yet_valid: {
    level: 'fail',
    when: 'The certificate is not valid yet.',
    fix: 'Set the clock of this machine right (see the check clock).',
  },
  tls_expires_soon: {
    level: 'warn',
    when: 'The certificate expires within two weeks.',
    fix: 'See that it is renewed in time.',
  },
  tls_failed: {
    level: 'fail',
    when: 'There was no handshake.',
    fix: 'Check wss:// against ws:// and the port in SERVER_URL; something on the way may not let TLS through.',
  },
  tls_not_tried: { level: 'skipped', when: 'There is no connection to begin TLS on.' },
} as const;

type Telling = Say<keyof typeof REASONS>;

/** Whose certificates the control plane and an `https://` proxy show. */
export const tls = defineCheck({
  id: 'tls',
  group: 'network',
  looksAt: 'the certificates of the control plane and of an https proxy: who signed them, for which name, until when',
  reasons: REASONS,
  run: async ({ config, clock }, say, signal) => {
    const { server } = config;
    const secureContext = secureContextOf(server);
    const told = (who: string, host: string, handshake: Handshake): Result =>
      judged(say, { who, host, isPrivate: secureContext !== undefined, now: clock.now() }, handshake);
    const ways = waysOf(server);
    const proxies = secureProxies(ways.flatMap(({ proxy }) => proxy ?? []));
    return await Promise.all([
      ...proxies.map(async (proxy) =>
        told(`the proxy ${proxy.origin}`, proxy.host, await shakeHands(proxy, undefined, secureContext, signal)),
      ),
      ...ways.map(async (way) => {
        if (!way.target.secure) return say('tls_none', `${way.address} is spoken to without TLS.`);
        const under = await tunnel(way, secureContext, clock);
        if (under === 'none') return say('tls_not_tried', `The proxy does not connect to ${way.address}.`);
        return told(way.address, way.target.host, await shakeHands(way.target, under, secureContext, signal));
      }),
    ]);
  },
});

/** What stands in the way of the tunnel is told by the check of the proxy. */
const tunnel = (...how: Parameters<typeof tunnelTo>) => tunnelTo(...how).catch(() => 'none' as const);

const secureProxies = (proxies: readonly ProxySettings[]): readonly ProxySettings[] => [
  ...new Map(proxies.filter(({ secure }) => secure).map((proxy) => [proxy.origin, proxy])).values(),
];

interface About {
  readonly who: string;
  readonly host: string;
  /** Authorities besides the usual ones are given. */
  readonly isPrivate: boolean;
  readonly now: number;
}

const SOON_MS = 14 * 86_400_000;
/** What the connection failed with before TLS began; other checks tell it. */
const NO_CONNECTION = /^(ECONNREFUSED|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

function judged(say: Telling, about: About, handshake: Handshake): Result {
  const { who, now } = about;
  if ('failed' in handshake) {
    if (NO_CONNECTION.test(handshake.failed)) return say('tls_not_tried', `There is no connection to ${who}.`);
    return say('tls_failed', `TLS with ${who} failed (${handshake.failed}).`);
  }
  const { shown } = handshake;
  const signer = `signed by "${shown.issuer}"`;
  const until = new Date(shown.validTo).toISOString();
  if (shown.validTo <= now) return say('tls_expired', `The certificate of ${who}, ${signer}, expired at ${until}.`);
  if (shown.validFrom > now)
    return say(
      'tls_not_yet_valid',
      `The certificate of ${who} is valid from ${new Date(shown.validFrom).toISOString()}.`,
    );
  if (shown.problem !== undefined) return distrusted(say, about, shown, shown.problem);
  const ca = about.isPrivate ? ' (trusted: the usual authorities and those given)' : '';
  const told = `The certificate of ${who} is ${signer}${ca}, valid until ${until}.`;
  return say(shown.validTo - now < SOON_MS ? 'tls_expires_soon' : 'tls_ok', told);
}

function distrusted(say: Telling, { who, host, isPrivate }: About, shown: Shown, problem: string): Result {
  if (/ALTNAME|HOSTNAME/.test(problem)) {
    return say('tls_name', `The certificate of ${who} is for ${shown.names}, not for ${host}.`);
  }
  const given = isPrivate
    ? 'it is not among the authorities given'
    : 'it is none of the usual ones, and no other is given';
  const chain = shown.root === shown.issuer ? '' : ` (under "${shown.root}")`;
  return say(
    'tls_untrusted',
    `The certificate of ${who} was signed by "${shown.issuer}"${chain}, not trusted here: ${given} (${problem}).`,
  );
}
