import { describe, expect, it } from 'vitest';
import { diagnoseOutput } from '../../src/index.ts';

describe('what the output of a failed ingestion says', () => {
  it.each([
    ["WARNING: Secret wrong-key exists but has no 'value' key", 'secret', 'secret_key_missing', 'wrong-key'],
    [
      'Could not get the secret value of my-db due to [(403)\nReason: Forbidden]',
      'secret',
      'secret_forbidden',
      'my-db',
    ],
    [
      'Could not get the secret value of /a/b due to [Unable to locate credentials]',
      'secret',
      'secret_unreadable',
      '/a/b',
    ],
    ['Secret value [x] not present in the configured secrets manager: (…)', 'secret', 'secret_unreadable', 'x'],
    [
      'Resolved a null secret value; treating it as an empty string\nfe_sendauth: no password supplied',
      'secret',
      'secret_missing',
      'secret',
    ],
    [
      'SecretsManagerConfigException: Error loading credentials - [Missing azure_key_vault_name config]',
      'secret',
      'secrets_manager_unusable',
      'start',
    ],
    [
      'VersionMismatchException: Server version is 1.13.3 vs. Client version 2.0.6.0. x',
      'version',
      'version_mismatch',
      '1.13.3',
    ],
    ["AttributeError: 'NoneType' object has no attribute 'root'", 'authentication', 'server_refused_token', 'token'],
    ['FATAL: password authentication failed for user "om"', 'authentication', 'source_refused_login', 'password'],
    ['RestTransportError: connection refused', 'configuration', 'server_unreachable', 'reach'],
    ["ModuleNotFoundError: No module named 'metadata'", 'program', 'ingestion_not_installed', 'metadata'],
    ['OSError: [Errno 28] No space left on device', 'disk', 'disk_full', 'disk'],
    ['MemoryError', 'out_of_memory', 'out_of_memory', 'memory'],
  ])('%s', (text, category, code, part) => {
    const diagnosis = diagnoseOutput(`some line\n${text}\nlast line`);
    expect(diagnosis).toMatchObject({ category, code, permanent: true });
    expect(diagnosis?.message).toContain(part);
    expect(diagnosis?.hint).not.toBe('');
  });

  it('is nothing when nothing in it is known', () => {
    expect(diagnoseOutput('Traceback (most recent call last):\nValueError: x')).toBeUndefined();
  });
});
