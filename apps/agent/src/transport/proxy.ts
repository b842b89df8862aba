import { BlockList, isIP } from 'node:net';
import type { ProxyConfig } from '../config/server.ts';
import type { NoProxyRule, ProxySettings } from '../config/proxy-format.ts';

/** One end of a connection. */
export interface Target {
  readonly secure: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

export function targetOf(url: URL): Target {
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  return {
    secure,
    host: bare(url.hostname),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
  };
}

/** `host:port`, with the brackets IPv6 needs. */
export function authority(target: Pick<Target, 'host' | 'port'>): string {
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

/** The proxy to go through, or undefined to go there directly. */
export function proxyFor(target: Target, proxies: ProxyConfig): ProxySettings | undefined {
  const proxy = target.secure ? proxies.secure : proxies.plain;
  if (proxy === undefined || proxies.except.some((rule) => matches(rule, target))) return undefined;
  return proxy;
}

/** A name also stands for its subdomains, with or without a dot before it, as curl reads it. */
function matches(rule: NoProxyRule, target: Target): boolean {
  const host = bare(target.host).toLowerCase().replace(/\.$/, '');
  switch (rule.kind) {
    case 'all':
      return true;
    case 'name':
      if (rule.port !== undefined && rule.port !== target.port) return false;
      return host === rule.name || (isIP(host) === 0 && host.endsWith(`.${rule.name}`));
    case 'range':
      return inRange(host, rule.address, rule.bits);
  }
}

function inRange(host: string, address: string, bits: number): boolean {
  const family = isIP(host);
  if (family === 0 || family !== isIP(address)) return false;
  const name = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(address, bits, name);
  return list.check(host, name);
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '');
