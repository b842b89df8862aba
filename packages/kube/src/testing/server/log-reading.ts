import type { ServerResponse } from 'node:http';
import type { Faults, Reachable } from './faults.ts';
import { Refusal, badRequest, invalid } from './refusal.ts';
import type { Wanted } from './request.ts';
import type { Stored } from './stored.ts';
import { at, listAt, textAt } from './stored.ts';
import type { ContainerLog, LogEntry } from './test-log.ts';
import { nanoTime, parseNanoTime } from './test-log.ts';

interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly since: bigint | undefined;
  readonly tail: number | undefined;
  readonly limit: number | undefined;
}

const isTrue = (text: string | null): boolean => text === 'true' || text === '1';

function options(pod: string, query: URLSearchParams, nowNs: bigint): LogOptions {
  const number = (name: string, least: number, rule: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    const value = Number(text);
    if (value >= least) return value;
    throw invalid({ qualified: 'PodLogOptions', kind: 'PodLogOptions', group: '' }, pod, [
      { field: name, reason: 'FieldValueInvalid', message: `Invalid value: ${value}: must be ${rule}` },
    ]);
  };
  const sinceText = query.get('sinceTime');
  const sinceTime = sinceText === null ? undefined : parseNanoTime(sinceText);
  if (sinceText !== null && sinceTime === undefined) {
    throw badRequest(`parsing time ${JSON.stringify(sinceText)} as "2006-01-02T15:04:05Z07:00": cannot parse`);
  }
  const sinceSeconds = number('sinceSeconds', 1, 'greater than 0');
  return {
    follow: isTrue(query.get('follow')),
    timestamps: isTrue(query.get('timestamps')),
    since: sinceTime ?? (sinceSeconds === undefined ? undefined : nowNs - BigInt(sinceSeconds) * 1_000_000_000n),
    tail: number('tailLines', 0, 'greater than or equal to 0'),
    limit: number('limitBytes', 1, 'greater than 0'),
  };
}

const WAITING_TEXT: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

/** Which container is meant; throws what API server and kubelet say when its log cannot be read. */
export function readableContainer(pod: Stored, query: URLSearchParams): string | undefined {
  const { name } = pod.metadata;
  const names = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'initContainers')].map((one) =>
    textAt(one, 'name'),
  );
  const container = query.get('container') ?? (names.length === 1 ? names[0] : undefined);
  if (container === undefined) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
  }
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  const statuses = [...listAt(pod, 'status', 'containerStatuses'), ...listAt(pod, 'status', 'initContainerStatuses')];
  const status = statuses.find((one) => textAt(one, 'name') === container);
  // Nobody to ask yet.
  if (textAt(pod, 'spec', 'nodeName') === undefined && status === undefined) return undefined;
  if (isTrue(query.get('previous')) && at(status, 'lastState', 'terminated') === undefined) {
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  }
  const state = at(status, 'state');
  if (at(state, 'running') !== undefined || textAt(state, 'terminated', 'containerID') !== undefined) return container;
  if (at(state, 'terminated') !== undefined) {
    throw badRequest(`container "${container}" in pod "${name}" is terminated`);
  }
  const reason = textAt(state, 'waiting', 'reason') ?? 'ContainerCreating';
  throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${WAITING_TEXT[reason] ?? reason}`);
}

export interface LogSource {
  readonly pod: Stored;
  readonly log: ContainerLog;
  readonly faults: Faults;
  /** Wall clock, in milliseconds. */
  readonly now: number;
}

/** Streams a log. The container was found readable. */
export function readLog(source: LogSource, request: Wanted, response: ServerResponse): void {
  const { pod, log } = source;
  const asked = options(pod.metadata.name, request.query, BigInt(Math.floor(source.now)) * 1_000_000n);
  if (!log.reachable) {
    const { namespace = '', name } = pod.metadata;
    const node = textAt(pod, 'spec', 'nodeName') ?? '';
    const message = `Get "https://${node}:10250/containerLogs/${namespace}/${name}/": dial tcp: connect: connection refused`;
    throw new Refusal(500, undefined, message);
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  new LogReader(log, asked, response).begin(source.faults);
}

/** One reader. Writes as fast as the client reads, no faster. */
class LogReader implements Reachable {
  readonly aim = { verb: 'log', resource: 'pods' };
  readonly #log: ContainerLog;
  readonly #asked: LogOptions;
  readonly #response: ServerResponse;
  readonly #ends: (() => void)[] = [];
  #next: number;
  #left: number;
  #lineBegins = true;
  #muted = false;

  constructor(log: ContainerLog, asked: LogOptions, response: ServerResponse) {
    this.#log = log;
    this.#asked = asked;
    this.#response = response;
    this.#left = asked.limit ?? Infinity;
    this.#next = asked.tail === undefined ? log.first : Math.max(log.first, log.length - asked.tail);
  }

  begin(faults: Faults): void {
    if (this.#asked.follow)
      this.#ends.push(
        this.#log.follow(() => this.#pump()),
        faults.opened(this),
      );
    this.#response.on('drain', () => this.#pump());
    this.#response.on('close', () => this.#stop());
    this.#pump();
  }

  cut(): void {
    this.#response.socket?.destroy();
    this.#stop();
  }

  mute(): void {
    this.#muted = true;
  }

  #stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #pump(): void {
    if (this.#response.writableEnded || this.#response.destroyed || this.#response.writableNeedDrain) return;
    if (!this.#log.reachable || this.#muted) return;
    this.#next = Math.max(this.#next, this.#log.first);
    while (this.#next < this.#log.length && this.#left > 0) {
      const entry = this.#log.entry(this.#next);
      this.#next += 1;
      if (entry !== undefined && !this.#write(entry)) return;
    }
    if (this.#left > 0 && this.#asked.follow && !this.#log.ended) return;
    this.#stop();
    this.#response.end();
  }

  /** False when the client has to catch up first. */
  #write(entry: LogEntry): boolean {
    if (this.#asked.since !== undefined && entry.time < this.#asked.since) return true;
    const prefix = this.#asked.timestamps && this.#lineBegins ? `${nanoTime(entry.time)} ` : '';
    this.#lineBegins = entry.bytes.at(-1) === 10;
    const bytes = Buffer.concat([Buffer.from(prefix), entry.bytes]).subarray(0, this.#left);
    this.#left -= bytes.length;
    return this.#response.write(bytes);
  }
}
