import { dirname, isAbsolute, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { kubeError } from '../errors.ts';

/** What one context of a kubeconfig says, as far as it is used. Paths are absolute. */
export interface KubeconfigContext {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly cluster: KubeconfigCluster;
  readonly user: KubeconfigUser;
}

export interface KubeconfigCluster {
  readonly server: string;
  readonly certificateAuthority: Material | undefined;
  readonly serverName: string | undefined;
  readonly skipTlsVerify: boolean;
}

export interface KubeconfigUser {
  readonly name: string;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly basic: { readonly username: string; readonly password: string } | undefined;
  readonly certificate: Material | undefined;
  readonly key: Material | undefined;
  /** Handed to the vendor's client as they are. */
  readonly exec: Fields | undefined;
  readonly authProvider: Fields | undefined;
}

/** A PEM text, inline or in a file. `where` names it in messages. */
export type Material =
  | { readonly kind: 'text'; readonly text: string; readonly where: string }
  | { readonly kind: 'file'; readonly path: string; readonly where: string };

export type Fields = Readonly<Record<string, unknown>>;

/**
 * @param path where the text came from, for messages and relative paths; undefined: relative paths are refused
 * @param wanted name of the context; undefined: the current one
 */
export function readKubeconfig(text: string, path: string | undefined, wanted: string | undefined): KubeconfigContext {
  const where = path ?? 'the kubeconfig';
  const root = parse(text, where);
  const name = wanted ?? field(root, 'current-context');
  if (name === undefined) {
    throw invalid(`${where} has no current-context`, `Name one of its contexts: ${namesOf(root, 'contexts')}.`);
  }
  const reader: Reader = { where, folder: path === undefined ? undefined : dirname(path), root };
  const context = entry(reader, 'contexts', 'context', name);
  const clusterName = needed(context, 'cluster', `context "${name}" of ${where}`);
  const userName = field(context, 'user');
  return {
    name,
    namespace: field(context, 'namespace'),
    cluster: clusterOf(reader, clusterName, entry(reader, 'clusters', 'cluster', clusterName)),
    user: userOf(reader, userName ?? '', userName === undefined ? {} : entry(reader, 'users', 'user', userName)),
  };
}

interface Reader {
  readonly where: string;
  readonly folder: string | undefined;
  readonly root: Fields;
}

function parse(text: string, where: string): Fields {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'error' });
  const [problem] = document.errors;
  if (problem !== undefined) {
    // Only the place: the line itself may hold a credential.
    const line = text.slice(0, problem.pos[0]).split('\n').length;
    throw invalid(
      `${where} is not YAML: ${problem.code} at line ${line}`,
      'Correct that line, or fetch the file again.',
    );
  }
  const root = valueOf(() => document.toJS({ maxAliasCount: 100 }));
  if (isFields(root)) return root;
  throw invalid(`${where} is no kubeconfig`, 'It must hold clusters, users, contexts and current-context.');
}

/** Aliases are only followed here: one that leads nowhere, or to too much, is as good as no value. */
function valueOf(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function clusterOf(reader: Reader, name: string, cluster: Fields): KubeconfigCluster {
  const what = `cluster "${name}" of ${reader.where}`;
  const server = needed(cluster, 'server', what).replace(/\/+$/, '');
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw invalid(`the server of ${what} is no http or https URL`, 'It looks like https://host:6443.');
  }
  if (field(cluster, 'proxy-url') !== undefined) {
    throw invalid(
      `${what} asks for a proxy, which is not supported`,
      'Reach the API server directly, or through a tunnel at another address.',
    );
  }
  return {
    server,
    certificateAuthority: material(reader, cluster, 'certificate-authority', what),
    serverName: field(cluster, 'tls-server-name'),
    skipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
  };
}

function userOf(reader: Reader, name: string, user: Fields): KubeconfigUser {
  const what = `user "${name}" of ${reader.where}`;
  if (field(user, 'as') !== undefined) {
    throw invalid(`${what} impersonates somebody, which is not supported`, 'Use a kubeconfig of the account itself.');
  }
  const username = field(user, 'username');
  const file = field(user, 'tokenFile');
  const exec = isFields(user.exec) ? user.exec : undefined;
  return {
    name,
    token: field(user, 'token'),
    tokenFile: file === undefined ? undefined : absolute(reader, file, `tokenFile of ${what}`),
    basic: username === undefined ? undefined : { username, password: field(user, 'password') ?? '' },
    certificate: material(reader, user, 'client-certificate', what),
    key: material(reader, user, 'client-key', what),
    exec: exec === undefined ? undefined : withAbsoluteCommand(reader, exec),
    authProvider: isFields(user['auth-provider']) ? user['auth-provider'] : undefined,
  };
}

/** `name-data` (base64) or `name` (a path), the first of which wins, as with kubectl. */
function material(reader: Reader, from: Fields, name: string, what: string): Material | undefined {
  const data = field(from, `${name}-data`);
  if (data !== undefined) {
    return { kind: 'text', text: Buffer.from(data, 'base64').toString('utf8'), where: `${name}-data of ${what}` };
  }
  const path = field(from, name);
  if (path === undefined) return undefined;
  return { kind: 'file', path: absolute(reader, path, `${name} of ${what}`), where: `${name} of ${what}` };
}

/** A command with a slash is relative to the kubeconfig; one without is looked for in PATH. */
function withAbsoluteCommand(reader: Reader, exec: Fields): Fields {
  const command = field(exec, 'command');
  if (command === undefined || isAbsolute(command) || !command.includes('/')) return exec;
  return { ...exec, command: absolute(reader, command, 'the exec command') };
}

function absolute(reader: Reader, path: string, what: string): string {
  if (isAbsolute(path)) return path;
  if (reader.folder !== undefined) return resolve(reader.folder, path);
  throw invalid(
    `${what} is a relative path, but the kubeconfig is no file`,
    'Give the path of the kubeconfig, or absolute paths.',
  );
}

function entry(reader: Reader, list: string, key: string, name: string): Fields {
  const entries: unknown = reader.root[list];
  const found = Array.isArray(entries)
    ? entries.find((one: unknown): one is Fields => isFields(one) && one.name === name)
    : undefined;
  if (found === undefined) {
    throw invalid(`${reader.where} has no ${key} "${name}"`, `It has: ${namesOf(reader.root, list)}.`);
  }
  return isFields(found[key]) ? found[key] : {};
}

function namesOf(root: Fields, list: string): string {
  const entries: unknown = root[list];
  const names = Array.isArray(entries)
    ? entries.flatMap((one: unknown) => (isFields(one) && typeof one.name === 'string' ? [`"${one.name}"`] : []))
    : [];
  return names.length === 0 ? 'none' : names.slice(0, 20).join(', ');
}

function field(from: Fields, name: string): string | undefined {
  const value = from[name];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function needed(from: Fields, name: string, what: string): string {
  const value = field(from, name);
  if (value !== undefined) return value;
  throw invalid(`${what} has no ${name}`, 'Complete the file, or fetch it again from the cluster.');
}

function invalid(message: string, hint: string): Error {
  return kubeError('kube_config_invalid', message, { hint });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
