import { BRIDGE_PATH } from '@runner/protocol';
import type { VARIABLES } from './catalogue.ts';
import { fileText, missing } from './files.ts';
import type { Findings } from './finding.ts';
import type { NoProxyRule, ProxySettings } from './proxy-format.ts';
import { isLoopback } from './loopback.ts';
import type { ReadFile } from './read.ts';
import type { Values } from './variable.ts';

/** Where the control plane is and how to get there. */
export interface ServerConfig {
  /** The whole URL of the socket. */
  readonly socketUrl: string;
  /** Base of the REST interface, without slash at its end. */
  readonly apiUrl: string;
  readonly reconnectFloorMs: number;
  /** PEM texts of certificate authorities to trust besides the usual ones. */
  readonly certificateAuthorities: readonly string[];
  readonly proxies: ProxyConfig;
}

export interface ProxyConfig {
  /** For `wss` and `https`. */
  readonly secure: ProxySettings | undefined;
  /** For `ws` and `http`. */
  readonly plain: ProxySettings | undefined;
  readonly except: readonly NoProxyRule[];
}

type All = Values<typeof VARIABLES>;

export function serverConfig(values: All, readFile: ReadFile, out: Findings): ServerConfig {
  const socket = values.SERVER_URL;
  if (socket === undefined) {
    missing(out, 'SERVER_URL', 'set it to the address of the control plane, such as wss://example.getcollate.io');
  }
  const socketUrl = socket === undefined ? new URL('wss://unset.invalid') : withPath(socket);
  const apiUrl = values.SERVER_HOST_API_URL ?? apiUrlOf(socketUrl);
  for (const [variable, url] of [
    ['SERVER_URL', socketUrl],
    ['SERVER_HOST_API_URL', apiUrl],
  ] as const) {
    insecure(variable, url, values.ALLOW_INSECURE_TRANSPORT, out);
  }
  return {
    socketUrl: socketUrl.href,
    apiUrl: apiUrl.href.replace(/\/+$/, ''),
    reconnectFloorMs: values.RECONNECT_DELAY_SECONDS * 1000,
    certificateAuthorities: authorities(values, readFile, out),
    proxies: { secure: values.HTTPS_PROXY, plain: values.HTTP_PROXY, except: values.NO_PROXY ?? [] },
  };
}

/** The chart's SERVER_URL has no path: then the protocol's own is meant. */
function withPath(url: URL): URL {
  return url.pathname === '/' ? new URL(BRIDGE_PATH, url) : url;
}

function apiUrlOf(socket: URL): URL {
  return new URL('/api', socket.href.replace(/^ws/, 'http'));
}

function insecure(variable: string, url: URL, allowed: boolean, out: Findings): void {
  if (url.protocol === 'wss:' || url.protocol === 'https:' || isLoopback(url.hostname)) return;
  const finding = { variable, read: url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin };
  const message = 'goes to another machine without encryption: the token and every config can be read on the way';
  if (allowed) {
    out.warnings.push({
      ...finding,
      message,
      fix: `use ${url.protocol === 'ws:' ? 'wss' : 'https'}:// as soon as you can`,
    });
  } else if (!out.problems.some((problem) => problem.message === message)) {
    out.problems.push({
      ...finding,
      message,
      fix: `use ${url.protocol === 'ws:' ? 'wss' : 'https'}://, or accept it with ALLOW_INSECURE_TRANSPORT=true`,
    });
  }
}

const CERTIFICATE = '-----BEGIN CERTIFICATE-----';

function authorities(values: All, readFile: ReadFile, out: Findings): readonly string[] {
  const texts: string[] = [];
  for (const variable of ['SERVER_CA_FILE', 'NODE_EXTRA_CA_CERTS'] as const) {
    const path = values[variable];
    const text = path === undefined ? undefined : fileText(variable, path, readFile, out);
    if (text === undefined) continue;
    if (text.includes(CERTIFICATE)) texts.push(text);
    else {
      out.problems.push({
        variable,
        read: path,
        message: 'names a file without a certificate in PEM form',
        fix: `the file must hold "${CERTIFICATE}"; convert a DER file with openssl x509 -inform der`,
      });
    }
  }
  return texts;
}
