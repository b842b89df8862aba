import { RunnerError, isAbort, isRunnerError } from '@runner/core';
import type { Clock, Secret } from '@runner/core';
import { SUBPROTOCOL } from '@runner/protocol';
import type { Dial } from '@runner/protocol/client';
import { dialWebSocket } from '@runner/protocol/ws';
import type { Network } from './http-agent.ts';
import type { Rest } from './rest.ts';
import { serverVersion } from './server-version.ts';

export interface DialOptions {
  readonly url: string;
  readonly token: () => Promise<Secret>;
  readonly network: Network;
  readonly rest: Rest;
  readonly clock: Clock;
  readonly userAgent: string;
}

const HANDSHAKE_MS = 20_000;

/** Opens sockets to the control plane, and finds out what answers there when it is not one. */
export function createDial(options: DialOptions): Dial {
  const { url, token, network, rest, clock, userAgent } = options;
  const agent = network.agentFor(new URL(url));
  const dial = dialWebSocket({
    url,
    token: async () => (await token()).reveal(),
    ...(agent === undefined ? {} : { agent }),
    handshakeTimeoutMs: HANDSHAKE_MS,
    userAgent,
    clock,
  });
  return async (signal) => {
    try {
      return await dial(signal);
    } catch (error) {
      throw await explained(error, rest, signal);
    }
  };
}

const NO_BRIDGE = new Set(['connect_not_found', 'connect_wrong_protocol']);

/**
 * Something answered, but not with our protocol. A server of OpenMetadata without a bridge is told apart from a wrong
 * address by asking for its version.
 */
async function explained(error: unknown, rest: Rest, signal: AbortSignal): Promise<unknown> {
  if (!isRunnerError(error) || !NO_BRIDGE.has(error.code)) return error;
  try {
    const version = await serverVersion(rest, signal);
    return new RunnerError(
      'server_without_bridge',
      `the server is up and is OpenMetadata ${version}, but it does not offer a bridge for runners (${SUBPROTOCOL})`,
      {
        cause: error,
        details: { openMetadataVersion: version },
        hint: 'connect to a control plane that implements the protocol; a server whose own socket is not public cannot serve this agent',
      },
    );
  } catch (probeError) {
    return isAbort(probeError) ? probeError : error;
  }
}
