import { isRunnerError } from '@runner/core';
import { SUBPROTOCOL } from '@runner/protocol';
import { defineCheck } from '../check.ts';
import { wordsOf } from '../errors.ts';

/** Found by other checks already, which say more of it. */
const ELSEWHERE = /^(connect_(dns|refused|timeout|unreachable|tls.*)|proxy_.*)$/;
const TOKEN = /^(token_.*|connect_(unauthorized|forbidden|no_token|bad_token))$/;
const OTHER_SERVER = new Set(['connect_not_found', 'connect_wrong_protocol']);

/** Opens the WebSocket as the runner does, and closes it at once: without a hello the control plane knows of no session. */
export const websocket = defineCheck({
  id: 'websocket',
  group: 'network',
  looksAt: 'whether the control plane opens a WebSocket of this protocol; no session is begun',
  deadlineMs: 25_000,
  reasons: {
    websocket_ok: { level: 'ok', when: 'The WebSocket was opened, with this protocol.' },
    websocket_needs_token: {
      level: 'skipped',
      when: 'The token was refused before a WebSocket could be opened (see `token`).',
    },
    websocket_not_tried: { level: 'skipped', when: 'There is no connection (the checks above say why).' },
    server_without_bridge: {
      level: 'fail',
      when: 'The server is up and is OpenMetadata, but it offers no bridge for runners.',
      fix: 'Point SERVER_URL at a control plane that implements the protocol; a server whose own socket is not public cannot serve this runner.',
    },
    other_server: {
      level: 'fail',
      when: 'Something answers, but not with this protocol: another product, a wrong path, or a proxy that passes no WebSockets on.',
      fix: 'Check host and path of SERVER_URL, and that everything on the way passes WebSockets on.',
    },
    server_unavailable: {
      level: 'fail',
      when: 'The control plane answers that it cannot serve runners just now.',
      fix: 'Look at the control plane; the runner tries again by itself.',
    },
    connection_cut: {
      level: 'fail',
      when: 'The connection was cut while the WebSocket was opened.',
      fix: 'A proxy or firewall on the way may not let WebSockets through.',
    },
    websocket_failed: {
      level: 'fail',
      when: 'It failed in another way.',
      fix: 'The message says how.',
    },
  },
  run: async (context, say) => {
    const outcome = await context.upgrade();
    const { socketUrl } = context.config.server;
    if (outcome.opened) return [say('websocket_ok', `${socketUrl} speaks ${SUBPROTOCOL}.`)];
    const { message, fix } = wordsOf(outcome.error);
    const code = isRunnerError(outcome.error) ? outcome.error.code : '';
    if (TOKEN.test(code)) return [say('websocket_needs_token', 'The token was refused before a WebSocket was opened.')];
    if (ELSEWHERE.test(code)) return [say('websocket_not_tried', `There is no connection: ${message}.`)];
    if (code === 'server_without_bridge') return [say('server_without_bridge', `${message}.`, fix)];
    if (OTHER_SERVER.has(code)) return [say('other_server', `${message}.`, fix)];
    if (code === 'connect_unavailable') return [say('server_unavailable', `${message}.`, fix)];
    if (code === 'connect_reset') return [say('connection_cut', `${message}.`, fix)];
    return [say('websocket_failed', message, fix)];
  },
});
