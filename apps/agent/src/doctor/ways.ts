import type { ServerConfig } from '../config.ts';
import type { ProxySettings } from '../config/proxy-format.ts';
import { authority, proxyFor, targetOf } from '../transport/proxy.ts';
import type { Target } from '../transport/proxy.ts';

/** One of the two addresses of the control plane, and how it is reached. */
export interface Way {
  readonly name: 'socket' | 'REST';
  readonly target: Target;
  /** `host:port`. */
  readonly address: string;
  readonly proxy: ProxySettings | undefined;
}

/** The ways out, each once: socket and REST are one way as a rule. */
export function waysOf(server: ServerConfig): readonly Way[] {
  const ways = [way('socket', server.socketUrl, server), way('REST', server.apiUrl, server)] as const;
  const [socket, rest] = ways;
  return socket.address === rest.address && socket.target.secure === rest.target.secure ? [socket] : ways;
}

function way(name: Way['name'], url: string, { proxies }: ServerConfig): Way {
  const target = targetOf(new URL(url));
  return { name, target, address: authority(target), proxy: proxyFor(target, proxies) };
}

/** Where the first packet of each way goes, each place once. */
export function firstHops(ways: readonly Way[]): readonly { readonly host: string; readonly port: number }[] {
  const hops = ways.map(({ target, proxy }) => ({
    host: proxy?.host ?? target.host,
    port: proxy?.port ?? target.port,
  }));
  return hops.filter((hop, at) => hops.findIndex((one) => one.host === hop.host && one.port === hop.port) === at);
}
