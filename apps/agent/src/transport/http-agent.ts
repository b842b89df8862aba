import { Agent as PlainAgent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { connect as connectPlain } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectSecure, createSecureContext, getCACertificates } from 'node:tls';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import type { Clock } from '@runner/core';
import type { ProxyConfig } from '../config/server.ts';
import { proxyFor, targetOf } from './proxy.ts';
import type { Target } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

export interface NetworkSettings {
  readonly proxies: ProxyConfig;
  /** PEM texts; trusted besides the usual authorities, on both hops. */
  readonly certificateAuthorities: readonly string[];
  readonly clock: Clock;
}

/** How the agent gets out: one way for the socket and for REST. */
export interface Network {
  /** For `http.request` and WebSocket libraries; undefined where Node's own way is the right one. */
  agentFor(url: URL): PlainAgent | undefined;
}

type Callback = (error: Error | null, socket?: Duplex) => void;

export function createNetwork(settings: NetworkSettings): Network {
  const context = onceContext(settings.certificateAuthorities);
  return {
    agentFor: (url) => {
      const target = targetOf(url);
      const tunnelled = proxyFor(target, settings.proxies) !== undefined;
      if (!tunnelled && (!target.secure || settings.certificateAuthorities.length === 0)) return undefined;
      return connectingAgent(target.secure, (options, callback) => {
        open(target, settings, context, options).then(
          (socket) => callback(null, socket),
          (error: unknown) => callback(error as Error),
        );
      });
    },
  };
}

/** Adding to the usual authorities means naming them all, which takes time and memory: done once, and only if asked for. */
function onceContext(extra: readonly string[]): () => SecureContext | undefined {
  let context: SecureContext | undefined;
  return () => {
    if (extra.length === 0) return undefined;
    context ??= createSecureContext({ ca: [...getCACertificates('default'), ...extra] });
    return context;
  };
}

async function open(
  target: Target,
  { proxies, clock }: NetworkSettings,
  context: () => SecureContext | undefined,
  options: ConnectionOptions,
): Promise<Duplex> {
  const proxy = proxyFor(target, proxies);
  const secureContext = context();
  const under = proxy === undefined ? undefined : await openTunnel(proxy, target, { secureContext, clock });
  if (!target.secure) return under ?? connectPlain({ host: target.host, port: target.port });
  return connectSecure({
    ...options,
    host: target.host,
    port: target.port,
    ...(under === undefined ? {} : { socket: under }),
    ...(secureContext === undefined ? {} : { secureContext }),
  });
}

/** A Node agent that gets its sockets from one function. */
function connectingAgent(
  secure: boolean,
  connect: (options: ConnectionOptions, callback: Callback) => void,
): PlainAgent {
  const agent = secure ? new SecureAgent({ keepAlive: false }) : new PlainAgent({ keepAlive: false });
  agent.createConnection = (options, callback) => {
    connect(options as ConnectionOptions, callback as Callback);
    return undefined;
  };
  return agent;
}
