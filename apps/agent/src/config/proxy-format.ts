import { format, right, wrong } from './format.ts';
import type { Format } from './format.ts';

/** A proxy and who we are to it. */
export interface ProxySettings {
  /** Origin only, without credentials: safe to print. */
  readonly origin: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Value of `Proxy-Authorization`; never printed. */
  readonly authorization: string | undefined;
}

/** As curl reads it: a bare `host:port` is an http proxy. */
export const proxyUrl: Format<ProxySettings> = format('URL, http:// or https://', (raw) => {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(raw) ? raw : `http://${raw}`;
  if (!URL.canParse(whole)) return wrong('is not a URL', 'write http://[user:password@]host:port');
  const url = new URL(whole);
  const secure = url.protocol === 'https:';
  if (!secure && url.protocol !== 'http:') {
    return wrong(`is a ${url.protocol}// proxy, which is not spoken here`, 'use an http:// or https:// proxy');
  }
  return right({
    origin: url.origin,
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    authorization: basic(url),
  });
});

function basic(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const plain = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(plain, 'utf8').toString('base64')}`;
}

/** A password with a bare percent sign is taken as it is written. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export type NoProxyRule =
  | { readonly kind: 'all' }
  | { readonly kind: 'name'; readonly name: string; readonly port: number | undefined }
  | { readonly kind: 'range'; readonly address: string; readonly bits: number };

/** Entries separated by commas or spaces, as everywhere. */
export const noProxy: Format<readonly NoProxyRule[]> = format('list of hosts', (raw) => {
  const rules: NoProxyRule[] = [];
  for (const entry of raw.split(/[\s,]+/).filter((part) => part !== '')) {
    const rule = ruleOf(entry.toLowerCase());
    if (rule === undefined) {
      return wrong(
        'holds an entry that is no host, address or range',
        'write names, addresses or ranges such as 10.0.0.0/8',
      );
    }
    rules.push(rule);
  }
  return right(rules);
});

function ruleOf(entry: string): NoProxyRule | undefined {
  if (entry === '*') return { kind: 'all' };
  const range = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (range?.[1] !== undefined) {
    const bits = Number(range[2]);
    return bits <= (range[1].includes(':') ? 128 : 32) ? { kind: 'range', address: range[1], bits } : undefined;
  }
  const bracketed = /^\[([0-9a-f:.]+)\](?::(\d+))?$/.exec(entry);
  if (bracketed?.[1] !== undefined) return name(bracketed[1], bracketed[2]);
  if ((entry.match(/:/g) ?? []).length > 1) return name(entry, undefined);
  const plain = /^(?:\*?\.)?([^:/*\s]+)(?::(\d+))?$/.exec(entry);
  return plain?.[1] === undefined ? undefined : name(plain[1], plain[2]);
}

const name = (host: string, port: string | undefined): NoProxyRule => ({
  kind: 'name',
  name: host,
  port: port === undefined ? undefined : Number(port),
});
