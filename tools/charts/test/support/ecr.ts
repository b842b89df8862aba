import { once } from 'node:events';
import { createServer } from 'node:http';

/** ECR as far as the registry helper asks it: whatever the keys, until it is told to accept them it does not know them. */
export interface Ecr extends AsyncDisposable {
  /** For AWS_ENDPOINT_URL_ECR. */
  readonly url: string;
  /** From now on everybody gets a token. */
  accept(): void;
}

const TOKEN_HOURS = 12;

export async function ecrServer(host: string): Promise<Ecr> {
  let accepting = false;
  const server = createServer((request, response) => {
    request.resume();
    const expiresAt = Math.floor(Date.now() / 1_000) + TOKEN_HOURS * 3_600;
    const authorizationToken = Buffer.from('AWS:not-a-real-token').toString('base64');
    const body = accepting
      ? { authorizationData: [{ authorizationToken, expiresAt }] }
      : { __type: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' };
    response.writeHead(accepting ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(body));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    url: `http://${host}:${port}`,
    accept: () => {
      accepting = true;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
