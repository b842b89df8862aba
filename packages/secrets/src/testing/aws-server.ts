import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { testCertificate } from './certificate.ts';
import type { FaultSwitch } from './faults.ts';
import { act, bodyOf, createFaults, listen } from './faults.ts';

/** Secrets Manager, Parameter Store, STS and the container credentials endpoint, as much of them as reading takes. */
export interface TestAws extends AsyncDisposable {
  /** For AWS_ENDPOINT_URL, or the option `endpoint`. */
  readonly url: string;
  /** For the option `ca`; empty when plain. */
  readonly ca: string;
  /** For AWS_CONTAINER_CREDENTIALS_FULL_URI. */
  readonly containerCredentialsUrl: string;
  put(name: string, value: string | Uint8Array): void;
  putParameter(name: string, value: string): void;
  remove(name: string): void;
  /** Leaves the secret without a readable value. */
  markDeleted(name: string): void;
  /** Names of operations that were asked for, in order: `GetSecretValue`, `AssumeRoleWithWebIdentity`. */
  readonly calls: readonly string[];
  /** Values of the Authorization header, in the order of calls. */
  readonly authorizations: readonly string[];
  /** For calls to stores. */
  readonly faults: FaultSwitch;
  /** For calls that give credentials. */
  readonly credentialFaults: FaultSwitch;
  /** Errors for single names: `AccessDeniedException` and its message. */
  refuse(name: string, code: string, message: string): void;
  /** Refuses the operation as a whole. */
  refuseOperation(operation: string, code: string, message: string): void;
}

interface Version {
  readonly id: string;
  readonly value: string | Uint8Array;
}
interface Stored {
  readonly versions: Version[];
  deleted: boolean;
}
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const refusal = (code: string, message: string): Answer => ({
  status: 400,
  body: { __type: code, Message: message, message },
});

export async function startTestAws({ plain = true } = {}): Promise<TestAws> {
  const tls = plain ? undefined : testCertificate();
  const secrets = new Map<string, Stored>();
  const parameters = new Map<string, string[]>();
  const refusals = new Map<string, Answer>();
  const operations = new Map<string, Answer>();
  const faults = createFaults();
  const credentialFaults = createFaults();
  const calls: string[] = [];
  const authorizations: string[] = [];

  const getSecret = ({ SecretId = '', VersionId, VersionStage }: Record<string, string | undefined>): Answer => {
    const refused = refusals.get(SecretId);
    if (refused !== undefined) return refused;
    const stored = secrets.get(SecretId);
    if (stored === undefined) {
      return refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    if (stored.deleted) {
      return refusal(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    const back = VersionStage === 'AWSPREVIOUS' ? -2 : -1;
    const version =
      VersionId === undefined ? stored.versions.at(back) : stored.versions.find(({ id }) => id === VersionId);
    if (version === undefined) {
      const what =
        VersionId === undefined ? `staging label: ${VersionStage ?? 'AWSCURRENT'}` : `VersionId: ${VersionId}`;
      return refusal('ResourceNotFoundException', `Secrets Manager can't find the specified secret value for ${what}`);
    }
    const { id, value } = version;
    return {
      status: 200,
      body: {
        ARN: `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${SecretId}-AbCdEf`,
        Name: SecretId,
        VersionId: id,
        ...(typeof value === 'string'
          ? { SecretString: value }
          : { SecretBinary: Buffer.from(value).toString('base64') }),
      },
    };
  };
  const getMany = ({ SecretIdList = [] }: { SecretIdList?: readonly string[] }): Answer => {
    if (SecretIdList.length > 20) return refusal('InvalidParameterException', 'at most 20 secrets');
    const answers = SecretIdList.map((SecretId) => ({ SecretId, answer: getSecret({ SecretId }) }));
    return {
      status: 200,
      body: {
        SecretValues: answers.filter(({ answer }) => answer.status === 200).map(({ answer }) => answer.body),
        Errors: answers
          .filter(({ answer }) => answer.status !== 200)
          .map(({ SecretId, answer }) => {
            const { __type: ErrorCode, Message } = answer.body as { __type: string; Message: string };
            return { SecretId, ErrorCode, Message };
          }),
      },
    };
  };
  const getParameter = ({ Name = '' }: { Name?: string }): Answer => {
    const [name = '', version] = Name.split(':');
    const refused = refusals.get(name);
    if (refused !== undefined) return refused;
    const versions = parameters.get(name);
    if (versions === undefined) return refusal('ParameterNotFound', '');
    const index = version === undefined ? versions.length : Number(version);
    const value = versions[index - 1];
    if (value === undefined) return refusal('ParameterVersionNotFound', '');
    return { status: 200, body: { Parameter: { Name: name, Type: 'SecureString', Value: value, Version: index } } };
  };
  const OPERATIONS: Readonly<Record<string, (input: Record<string, never>) => Answer>> = {
    GetSecretValue: getSecret,
    BatchGetSecretValue: getMany,
    GetParameter: getParameter,
  };

  const answerStore = (target: string, body: string, request: IncomingMessage, response: ServerResponse): void => {
    const operation = target.split('.').at(-1) ?? '';
    calls.push(operation);
    authorizations.push(request.headers.authorization ?? '');
    const fault = faults.take();
    if (fault !== undefined) {
      act(fault, request, response);
      return;
    }
    const run = OPERATIONS[operation];
    const answer =
      operations.get(operation) ??
      (run === undefined ? refusal('UnknownOperationException', '') : run(JSON.parse(body) as Record<string, never>));
    response
      .writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() })
      .end(JSON.stringify(answer.body));
  };
  const answerCredentials = (request: IncomingMessage, response: ServerResponse): void => {
    const container = request.method === 'GET';
    calls.push(container ? 'ContainerCredentials' : 'AssumeRoleWithWebIdentity');
    authorizations.push(request.headers.authorization ?? '');
    const fault = credentialFaults.take();
    if (fault !== undefined) {
      act(fault, request, response);
      return;
    }
    const fields = {
      AccessKeyId: 'ASIATESTTESTTESTTEST',
      SecretAccessKey: 'test-secret-access-key',
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    };
    if (container) {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ ...fields, Token: 'test-token' }));
      return;
    }
    const xml = Object.entries({ ...fields, SessionToken: 'test-token' }).map(
      ([name, value]) => `<${name}>${value}</${name}>`,
    );
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(
        `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>` +
          `<Credentials>${xml.join('')}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      );
  };
  const server = await listen((request, response) => {
    void bodyOf(request).then(
      (body) => {
        const target = request.headers['x-amz-target'];
        if (typeof target === 'string') answerStore(target, body, request, response);
        else answerCredentials(request, response);
      },
      () => undefined,
    );
  }, tls);
  return {
    url: server.url,
    ca: tls?.certificate ?? '',
    containerCredentialsUrl: `${server.url}/v1/credentials`,
    put: (name, value) => {
      const stored = secrets.get(name) ?? { versions: [], deleted: false };
      stored.versions.push({ id: randomUUID(), value });
      secrets.set(name, stored);
    },
    putParameter: (name, value) => void parameters.set(name, [...(parameters.get(name) ?? []), value]),
    remove: (name) => {
      secrets.delete(name);
      parameters.delete(name);
    },
    markDeleted: (name) => {
      const stored = secrets.get(name);
      if (stored !== undefined) stored.deleted = true;
    },
    refuse: (name, code, message) => void refusals.set(name, refusal(code, message)),
    refuseOperation: (operation, code, message) => void operations.set(operation, refusal(code, message)),
    calls,
    authorizations,
    faults,
    credentialFaults,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
