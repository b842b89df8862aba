import { RunnerError } from '@runner/core';

/** The address to dial. User and password in it would collide with the bearer token. */
export function checkUrl(text: string): URL {
  const hint = 'Use wss://host[:port], without user and password.';
  if (!URL.canParse(text)) throw new RunnerError('connect_bad_url', 'the server address is not a URL', { hint });
  const url = new URL(text);
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw new RunnerError('connect_bad_url', 'the server address cannot be used for a WebSocket', { hint });
  }
  url.hash = '';
  return url;
}
