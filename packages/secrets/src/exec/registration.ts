import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Secret } from '@runner/core';
import { secretError } from '../errors.ts';

/**
 * A program under `runner-secrets exec` tells what it resolves by itself, so that this is redacted too. It writes a JSON
 * line with the values to an inherited descriptor and goes on when the answer has come: nothing it prints afterwards can
 * overtake the news.
 */
export const REGISTRATION_VARIABLE = 'RUNNER_SECRETS_FD';

/** Longest line that is read, in bytes; a program that writes more is cut off. */
const LONGEST_LINE = 64 * 1024 * 1024;
const ANSWER = 'ok\n';

/** Tells the values to whoever redacts the output; resolves when they are known there. */
export type RegisterSecrets = (values: readonly Secret[]) => Promise<void>;

/**
 * The register of a program that runs under `runner-secrets exec`; undefined for any other. Pass it to
 * `createSecretResolver` as `register`.
 * @param environment the environment of the process
 */
export function inheritedRegister(
  environment: Readonly<Record<string, string | undefined>>,
): RegisterSecrets | undefined {
  const text = environment[REGISTRATION_VARIABLE] ?? '';
  if (!/^\d{1,4}$/.test(text)) return undefined;
  let socket: Socket | undefined;
  let last: Promise<void> = Promise.resolve();
  return (values) => {
    socket ??= openSocket(Number(text));
    const line = `${JSON.stringify({ values: values.map((value) => value.reveal()) })}\n`;
    const current = socket;
    // One at a time: answers carry no name.
    last = last.catch(() => undefined).then(() => told(current, line));
    return last;
  };
}

function openSocket(fd: number): Socket {
  try {
    const socket = new Socket({ fd, readable: true, writable: true });
    socket.on('error', () => undefined);
    socket.unref();
    return socket;
  } catch (cause) {
    throw broken(cause);
  }
}

function told(socket: Socket, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      socket.off('data', onData).off('error', settle).off('close', onClose).unref();
      if (error === undefined) resolve();
      else reject(broken(error));
    };
    const onData = (): void => settle();
    const onClose = (): void => settle(new Error('the descriptor was closed'));
    socket.ref().on('data', onData).on('error', settle).on('close', onClose);
    if (socket.destroyed) onClose();
    else socket.write(line);
  });
}

function broken(cause: unknown): Error {
  return secretError(
    'secret_misconfigured',
    'the values could not be told to runner-secrets exec, so they are not used',
    {
      cause,
      hint: `${REGISTRATION_VARIABLE} must name the descriptor that runner-secrets opened; unset it where no such program runs above this one`,
    },
  );
}

/** The other side: reads what a program tells, and answers. */
export function acceptRegistrations(channel: Duplex, add: (values: readonly string[]) => void): void {
  let held: Buffer[] = [];
  let size = 0;
  channel.on('error', () => undefined);
  channel.on('data', (chunk: Buffer) => {
    size += chunk.length;
    held.push(chunk);
    if (size > LONGEST_LINE) return void channel.destroy();
    if (!chunk.includes(10)) return;
    const lines = Buffer.concat(held).toString().split('\n');
    const rest = Buffer.from(lines.pop() ?? '');
    held = [rest];
    size = rest.length;
    for (const line of lines) {
      add(valuesOf(line));
      channel.write(ANSWER);
    }
  });
}

function valuesOf(line: string): readonly string[] {
  try {
    const { values } = JSON.parse(line) as { values?: unknown };
    return Array.isArray(values) ? values.filter((value): value is string => typeof value === 'string') : [];
  } catch {
    return [];
  }
}
