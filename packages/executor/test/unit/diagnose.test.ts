import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diagnoseOutput } from '../../src/index.ts';

/** An error of the Kubernetes client, as the library prints it: over several lines. */
const forbidden = (message: string): string =>
  [
    '(403)',
    'Reason: Forbidden',
    "HTTP response headers: HTTPHeaderDict({'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff'})",
    `HTTP response body: {"kind":"Status","apiVersion":"v1","status":"Failure","message":"${message}","code":403}`,
  ].join('\n');
const cannot = (verb: string, resource: string): string =>
  String.raw`secrets is forbidden: User \"system:serviceaccount:runs:ingestion\" cannot ${verb} resource \"${resource}\" in API group \"\" in the namespace \"runs\"`;
const PATH = '/collate/hybrid-ingestion-runner/my-db-password';

/** Output, category, code, what the sentence names. */
const KNOWN: readonly (readonly [title: string, output: string, category: string, code: string, named: string])[] = [
  [
    'a program that does not exist, behind runner-secrets',
    'runner-secrets: /opt/nothing/python could not be started: spawn /opt/nothing/python ENOENT',
    'configuration',
    'program_not_found',
    '/opt/nothing/python',
  ],
  [
    'a program that may not be executed, behind runner-secrets',
    'runner-secrets: ./main.py could not be started: spawn EACCES',
    'configuration',
    'program_not_executable',
    './main.py',
  ],
  [
    'an environment that is too large, behind runner-secrets',
    'runner-secrets: python could not be started: spawn E2BIG',
    'configuration',
    'environment_too_large',
    'python',
  ],
  [
    'a secret that runner-secrets could not read',
    'runner-secrets: secret:my-db: secret_unreachable: AWS Secrets Manager in eu-west-1 cannot be reached\n  check the endpoint',
    'secret',
    'secret_unreadable',
    'secret_unreachable: AWS Secrets Manager in eu-west-1 cannot be reached',
  ],
  [
    'a Kubernetes Secret without the key value',
    "WARNING {metadata} - Secret wrong-key exists but has no 'value' key\nResolved a null secret value; treating it as an empty string\nfe_sendauth: no password supplied",
    'secret',
    'secret_key_missing',
    'wrong-key',
  ],
  [
    'a Kubernetes Secret that may not be read',
    `Could not get the secret value of my-db due to [${forbidden(cannot('get', 'secrets'))}]\nSecret value [my-db] not present in the configured secrets manager: ${forbidden('x')}\nCheckAccess: Failed - password authentication failed for user "om"`,
    'secret',
    'secret_forbidden',
    'my-db',
  ],
  [
    'the case of the documentation',
    `ERROR (metadata.utils.kubernetes_secrets_manager:159) - Could not get the secret value of ${PATH}\nReason: Forbidden`,
    'secret',
    'secret_forbidden',
    PATH,
  ],
  [
    'a path where Kubernetes Secrets are asked',
    `Could not get the secret value of ${PATH} due to [${forbidden(cannot('list', 'secrets/collate'))}]`,
    'secret',
    'secret_id_is_path',
    PATH,
  ],
  [
    'a name with a slash where Kubernetes Secrets are asked',
    `Could not get the secret value of a/b due to [${forbidden(cannot('get', 'secrets/b'))}]`,
    'secret',
    'secret_id_is_path',
    'a/b',
  ],
  [
    'only the second of the two lines, the first being cut away',
    `Secret value [my-db] not present in the configured secrets manager: ${forbidden(cannot('get', 'secrets'))}`,
    'secret',
    'secret_forbidden',
    'my-db',
  ],
  [
    'the API server being down',
    "Could not get the secret value of my-db due to [HTTPSConnectionPool(host='10.0.0.1', port=443): Max retries exceeded with url: /api/v1]",
    'secret',
    'secrets_manager_unreachable',
    'my-db',
  ],
  [
    'a secret that is not UTF-8',
    "Could not get the secret value of my-db due to ['utf-8' codec can't decode byte 0xff in position 0: invalid start byte]",
    'secret',
    'secret_not_text',
    'my-db',
  ],
  [
    'a Kubernetes Secret that does not exist',
    'Getting secret value for other\nGetting secret value for my-db-password\nResolved a null secret value; treating it as an empty string\nfe_sendauth: no password supplied',
    'secret',
    'secret_missing',
    'my-db-password',
  ],
  [
    'one that does not exist and that nothing names',
    'Resolved a null secret value; treating it as an empty string',
    'secret',
    'secret_missing',
    'secret',
  ],
  [
    'AWS: no such secret',
    `Could not get the secret value of ${PATH} due to [An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: Secrets Manager can't find the specified secret.]`,
    'secret',
    'secret_missing',
    PATH,
  ],
  [
    'AWS: no such parameter',
    `Could not get the secret value of ${PATH} due to [An error occurred (ParameterNotFound) when calling the GetParameter operation: ]`,
    'secret',
    'secret_missing',
    PATH,
  ],
  [
    'AWS: not allowed',
    `Could not get the secret value of ${PATH} due to [An error occurred (AccessDeniedException) when calling the GetSecretValue operation: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: secretsmanager:GetSecretValue]`,
    'secret',
    'secret_forbidden',
    PATH,
  ],
  [
    'AWS: no credentials',
    `Could not get the secret value of ${PATH} due to [Unable to locate credentials]`,
    'secret',
    'secrets_manager_no_credentials',
    PATH,
  ],
  [
    'AWS: unreachable',
    `Could not get the secret value of ${PATH} due to [Could not connect to the endpoint URL: "https://secretsmanager.eu-west-1.amazonaws.com/"]`,
    'secret',
    'secrets_manager_unreachable',
    PATH,
  ],
  [
    'AWS: no region',
    'botocore.exceptions.NoRegionError: You must specify a region.',
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'AWS: a zone as region',
    'ValueError: Invalid AWS Region. Must be one of us-east-1',
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'Azure: no such secret',
    'Could not get the secret value of my-db due to [(SecretNotFound) A secret with (name/id) my-db was not found in this key vault.]',
    'secret',
    'secret_missing',
    'my-db',
  ],
  [
    'Azure: not allowed',
    'Could not get the secret value of my-db due to [(Forbidden) Caller is not authorized to perform action on resource.]',
    'secret',
    'secret_forbidden',
    'my-db',
  ],
  [
    'Azure: no credentials',
    'Could not get the secret value of my-db due to [DefaultAzureCredential failed to retrieve a token from the included credentials.]',
    'secret',
    'secrets_manager_no_credentials',
    'my-db',
  ],
  [
    'Azure: no vault',
    'SecretsManagerConfigException: Error loading credentials - [Missing azure_key_vault_name config for credentials]',
    'secret',
    'secrets_manager_unusable',
    'azure_key_vault_name',
  ],
  [
    'Azure: loader noop',
    'pydantic_core._pydantic_core.ValidationError: 1 validation error for AzureCredentials\nvaultName',
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'Google: not allowed',
    "Could not get the secret value of my-db due to [403 Permission 'secretmanager.versions.access' denied for resource]",
    'secret',
    'secret_forbidden',
    'my-db',
  ],
  [
    'Google: no such secret',
    'Could not get the secret value of my-db due to [404 Secret [projects/1/secrets/my-db] not found or has no versions.]',
    'secret',
    'secret_missing',
    'my-db',
  ],
  [
    'Google: no credentials',
    'Could not get the secret value of my-db due to [Your default credentials were not found. To set up Application Default Credentials, …]',
    'secret',
    'secrets_manager_no_credentials',
    'my-db',
  ],
  [
    'Google: damaged',
    'Could not get the secret value of my-db due to [Data corruption detected.]',
    'secret',
    'secret_corrupted',
    'my-db',
  ],
  [
    'a reason that nobody has seen before',
    'Could not get the secret value of my-db due to [whatever]',
    'secret',
    'secret_unreadable',
    'my-db',
  ],
  [
    'Kubernetes: loader noop',
    "OMetaClientInitError: Could not initialize the OpenMetadata client against [http://om/api]: AttributeError: 'NoneType' object has no attribute 'inCluster'",
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'Kubernetes: neither in a cluster nor a kubeconfig',
    'ConfigException: Invalid kube-config file. No configuration found.',
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'Kubernetes: outside a cluster',
    'ConfigException: Service host/port is not set.',
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'loader airflow without Airflow',
    "SecretsManagerConfigException: Error loading credentials - [No module named 'airflow']",
    'secret',
    'secrets_manager_unusable',
    'airflow',
  ],
  [
    'provider in-memory',
    'NotImplementedError: [SecretsManagerProvider.in_memory] is not implemented.',
    'secret',
    'secrets_manager_unusable',
    'secrets manager',
  ],
  [
    'versions that do not fit',
    'OMetaClientInitError: Could not initialize the OpenMetadata client against [x]: VersionMismatchException: Server version is 1.13.3 vs. Client version 2.0.6.0. Major and minor versions should match',
    'version',
    'version_mismatch',
    'Server version is 1.13.3',
  ],
  [
    'a server without the definition of the connector',
    'Test connection definition Postgres.testConnectionDefinition not found',
    'version',
    'connector_unknown',
    'Postgres.testConnectionDefinition',
  ],
  [
    'a refused token, as its misleading last error tells it',
    "AttributeError: 'NoneType' object has no attribute 'root'",
    'authentication',
    'server_refused_token',
    'token',
  ],
  [
    'a refused token, at the set-up of the client',
    'OMetaClientInitError: Could not initialize the OpenMetadata client against [http://om/api]: HTTPError: 401 Client Error: Unauthorized for url: http://om/api/v1/x',
    'authentication',
    'server_refused_token',
    'OpenMetadata',
  ],
  [
    'a refused token, as the client tells it later',
    'metadata.ingestion.ometa.client.APIError: Token has expired',
    'authentication',
    'server_refused_token',
    'OpenMetadata',
  ],
  [
    'a refused token, by the path that was asked for',
    'requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: http://om:8585/api/v1/services/databaseServices/name/x',
    'authentication',
    'server_refused_token',
    'OpenMetadata',
  ],
  [
    'a source that refuses a token: Tableau',
    'CheckAccess: Failed - 401 Client Error: Unauthorized for url: https://tableau.example.test/api/3.22/auth/signin',
    'authentication',
    'source_refused_login',
    'source',
  ],
  [
    'a source that refuses a token: Superset, whose paths are like those of the server',
    '401 Client Error: UNAUTHORIZED for url: https://superset.example.test/api/v1/security/login',
    'authentication',
    'source_refused_login',
    'source',
  ],
  [
    'a source that refuses a token: Looker',
    'looker_sdk.error.SDKError: Invalid token',
    'authentication',
    'source_refused_login',
    'source',
  ],
  [
    'a source whose token is too old',
    'Unable to connect: Token has expired',
    'authentication',
    'source_refused_login',
    'source',
  ],
  [
    'a refusal of a source that was not the end of it',
    'WARNING: 401 Client Error: Unauthorized for url: https://tableau.example.test/x\nMemoryError',
    'out_of_memory',
    'out_of_memory',
    'memory',
  ],
  [
    'a wrong password',
    'CheckAccess: Failed - FATAL: password authentication failed for user "om"\nFailed to run the test connection step: CheckAccess',
    'authentication',
    'source_refused_login',
    'password',
  ],
  [
    'no password at all',
    'CheckAccess: Failed - connection to server at "db" (10.0.0.1), port 5432 failed: fe_sendauth: no password supplied',
    'authentication',
    'source_refused_login',
    'password',
  ],
  [
    'a source that cannot be reached',
    'connection to server at "db.example.test" (10.0.0.1), port 5432 failed: Connection refused',
    'configuration',
    'source_unreachable',
    'db.example.test',
  ],
  [
    'a server that cannot be reached',
    'OMetaClientInitError: Could not initialize the OpenMetadata client against [http://om/api]: RestTransportError: …',
    'configuration',
    'server_unreachable',
    'reach',
  ],
  [
    'a client that cannot be set up for another reason',
    'OMetaClientInitError: Could not initialize the OpenMetadata client against [http://om/api]: KeyError: jwt',
    'configuration',
    'server_client_failed',
    'KeyError: jwt',
  ],
  [
    'no config',
    'RuntimeError: Missing environment variable `config`. This is needed to configure the Workflow.',
    'configuration',
    'environment_incomplete',
    'config',
  ],
  [
    'an application in an image that has none',
    "Error while finding module specification for 'metadata.applications.runner' (ModuleNotFoundError: No module named 'metadata.applications')",
    'program',
    'application_not_supported',
    'metadata.applications.runner',
  ],
  ['no library', "ModuleNotFoundError: No module named 'metadata'", 'program', 'ingestion_not_installed', 'metadata'],
  [
    'an image that is no ingestion image',
    "python: can't open file '/ingestion/main.py': [Errno 2] No such file or directory",
    'program',
    'ingestion_not_installed',
    '/ingestion/main.py',
  ],
  ['a full disk', 'OSError: [Errno 28] No space left on device', 'disk', 'disk_full', 'disk'],
  ['no memory', 'MemoryError', 'out_of_memory', 'out_of_memory', 'memory'],
];

describe('what the output of a failed ingestion says', () => {
  it.each(KNOWN)('%s', (_title, output, category, code, named) => {
    const diagnosis = diagnoseOutput(`some line\n${output}\nlast line`);
    expect(diagnosis).toMatchObject({ category, code, permanent: true });
    expect(diagnosis?.message).toContain(named);
    expect(diagnosis?.message).not.toContain('$1');
    expect(diagnosis?.hint).toMatch(/\.$/);
  });

  it.each(['secret_forbidden', 'secret_id_is_path'])('for %s the hint gives the three documented causes', (code) => {
    const output = KNOWN.find((row) => row[3] === code)?.[1] ?? '';
    const hint = diagnoseOutput(output)?.hint;
    expect(hint).toMatch(/\(1\).*IAM role or workload identity/);
    expect(hint).toMatch(/\(2\).*secret:\/collate\/hybrid-ingestion-runner\/<name>/);
    expect(hint).toMatch(/\(3\).*config\.secretsManager/);
  });

  it('is nothing when nothing in it is known', () => {
    expect(diagnoseOutput('Traceback (most recent call last):\nValueError: x')).toBeUndefined();
    expect(diagnoseOutput('')).toBeUndefined();
  });

  it('finds the secret before the refusal of the source that it leads to, however they are mixed with other lines', () => {
    const line = fc.stringMatching(/^[ -~]{0,60}$/).filter((text) => diagnoseOutput(text) === undefined);
    fc.assert(
      fc.property(fc.array(line), fc.array(line), (before, between) => {
        const output = [
          ...before,
          "Secret wrong-key exists but has no 'value' key",
          ...between,
          'FATAL: password authentication failed for user "om"',
        ];
        expect(diagnoseOutput(output.join('\n'))?.code).toBe('secret_key_missing');
      }),
    );
  });

  it('is found in little time in the longest output that is looked at', () => {
    const hostile = 'Could not get the secret value of x '.repeat(20_000);
    const start = performance.now();
    expect(diagnoseOutput(hostile)?.code).toBe('secret_unreadable');
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
