import { protocolError } from '../errors.ts';

/** The address to dial. User and password in it would collide with the bearer token. */
export function checkUrl(text: string): URL {
  const hint = 'Use wss://host[:port], without user and password.';
  if (!URL.canParse(text)) throw protocolError('connect_bad_url', 'the server address is not a URL', { hint });
  const url = new URL(text);
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw protocolError('connect_bad_url', 'the server address cannot be used for a WebSocket', { hint });
  }
  url.hash = '';
  return url;
}

/** The token as it goes into the header; a line end behind it (it may come from a file) is left out. */
export function checkToken(text: string): string {
  const token = text.trim();
  if (token === '') {
    throw protocolError('connect_no_token', 'there is no token to connect with', { hint: 'Set AUTH_TOKEN.' });
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw protocolError('connect_bad_token', 'the token holds characters that no token has', {
      hint: 'Copy it again, as one line without spaces.',
    });
  }
  return token;
}
