import { readFile } from 'node:fs/promises';
import type { ClientRequest } from 'node:http';
import { request as httpRequest } from 'node:http';
import type { AgentOptions } from 'node:https';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { connect as tlsConnect } from 'node:tls';
import { secretError } from '../errors.ts';
import { PROXY_REFUSED } from './network-failures.ts';

/** How a store is reached over the network. */
export interface NetworkOptions {
  /** PEM of the authorities to trust instead of Node's own. */
  readonly ca?: string;
  /** URL of an HTTP proxy, with user and password where it wants them. Default: from the environment, see the README. */
  readonly proxy?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The proxy for a host, from the variables that everybody reads; undefined when it is reached directly. */
export function proxyFor(host: string, env: Env): string | undefined {
  const read = (name: string): string => env[name.toLowerCase()] || env[name] || '';
  const proxy = read('HTTPS_PROXY');
  if (proxy === '') return undefined;
  const direct = read('NO_PROXY')
    .split(',')
    .map((entry) =>
      entry
        .trim()
        .replace(/^\*?\./, '')
        .toLowerCase(),
    )
    .filter((entry) => entry !== '');
  const name = host.toLowerCase();
  return direct.some((entry) => entry === '*' || name === entry || name.endsWith(`.${entry}`)) ? undefined : proxy;
}

/** The authorities to trust: what was given, else the first file that one of these variables names. */
export async function authorities(
  ca: string | undefined,
  env: Env,
  variables: readonly string[],
): Promise<string | undefined> {
  if (ca !== undefined) return ca;
  const variable = variables.find((name) => (env[name] ?? '') !== '');
  const file = variable === undefined ? undefined : env[variable];
  if (file === undefined) return undefined;
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw secretError('secret_misconfigured', `the file ${file} that ${variable} names cannot be read`, {
      cause: error,
      hint: `let ${variable} name a file of certificates in PEM, or unset it`,
    });
  });
}

/** An agent of its own for one store: `ca` holds for the store and for a proxy that is spoken to over TLS. */
export function httpsAgent({ ca, proxy }: NetworkOptions): Agent {
  const options: AgentOptions = { keepAlive: true, maxSockets: 64, ...(ca === undefined ? {} : { ca }) };
  return proxy === undefined ? new Agent(options) : new TunnelAgent(proxyUrl(proxy), options);
}

function proxyUrl(proxy: string): URL {
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  // Not quoted: it may hold a password.
  throw secretError('secret_misconfigured', 'the address of the proxy is not an http:// or https:// URL', {
    hint: 'write it as http://host:port',
  });
}

/** Reaches hosts through an HTTP proxy by CONNECT; TLS goes from here to the host, with the agent's own trust. */
class TunnelAgent extends Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | undefined {
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const request = this.#connect(`${options.host ?? ''}:${options.port ?? 443}`, options.ca);
    request.once('error', (error) => done(error));
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) {
        // Socket errors belong to the TLS socket from here on.
        done(null, tlsConnect({ ...options, socket, ...serverName(options) }));
        return;
      }
      socket.destroy();
      done(proxyRefused(statusCode ?? 0));
    });
    request.once('response', (response) => {
      response.destroy();
      done(proxyRefused(response.statusCode ?? 0));
    });
    request.end();
    return undefined;
  }

  #connect(path: string, ca: ConnectionOptions['ca']): ClientRequest {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const options = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || (protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path,
      agent: false as const,
      headers: {
        host: path,
        ...(username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
    };
    if (protocol === 'http:') return httpRequest(options);
    return httpsRequest({ ...options, ...(ca === undefined ? {} : { ca }) });
  }
}

/** TLS names hosts, never addresses. */
function serverName({ servername, host = '' }: ConnectionOptions): { readonly servername?: string } {
  const name = servername || host;
  return isIP(name) === 0 ? { servername: name } : {};
}

/** A code, because that is what every vendor's client keeps of an error below it. */
function proxyRefused(status: number): Error {
  return Object.assign(new Error('the proxy refused the connection'), { code: `${PROXY_REFUSED}${status}` });
}
