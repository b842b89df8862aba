import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startAgent } from '../agent-process.ts';
import { temporaryFolder } from '../folder.ts';
import { testToken } from '../tokens.ts';

const SECRET = 'hunter2-not-a-real-secret';

describe('the agent', () => {
  it('exits with 78 and tells all problems of its configuration at once, without a secret', async () => {
    await using agent = startAgent({
      env: { AUTH_TOKEN: SECRET, SERVER_URL: 'http://x', MAX_CONCURRENT_RUNS: '0', AUTH_TOKN: SECRET },
    });
    expect(await agent.exit).toEqual({ code: 78, signal: null });
    const errors = agent.lines.filter((line) => line.level === 'error');
    expect(errors.map((line) => line.variable)).toEqual([
      'SERVER_URL',
      'MAX_CONCURRENT_RUNS',
      'AUTH_TOKEN',
      'INGESTION_IMAGE',
      'KUBECONFIG',
      undefined,
    ]);
    expect(errors.at(-1)).toMatchObject({ problems: 5 });
    expect(errors.slice(0, -1).every((line) => typeof line.fix === 'string')).toBe(true);
    expect(agent.lines.filter((line) => line.level === 'warn')).toMatchObject([{ variable: 'AUTH_TOKN' }]);
    expect(agent.output).not.toContain(SECRET);
  });

  it('exits with 78 when a file with a part of Workflows makes no sense, and says where', async () => {
    using folder = temporaryFolder();
    const [container, workflow] = [join(folder.path, 'container.yaml'), join(folder.path, 'workflow.yaml')];
    await writeFile(container, 'imagePullPolicy: Always\ncommand: [sh]\n');
    await writeFile(workflow, 'tolerations:\n  - key: a\n  effect: none\n');
    await using agent = startAgent({
      env: {
        AUTH_TOKEN: testToken({ sub: 'bot' }),
        SERVER_URL: 'ws://127.0.0.1:9',
        PIPELINE_SERVICE_CLIENT_ENDPOINT: 'http://127.0.0.1:9',
        ARGO_TOKEN: 'of-argo',
        INGESTION_NAMESPACE: 'ingestion',
        INGESTION_IMAGE: 'example/ingestion:1',
        ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: container,
        ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH: workflow,
      },
    });
    expect(await agent.exit).toEqual({ code: 78, signal: null });
    const errors = agent.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
    expect(errors).toContainEqual(expect.stringMatching(/^ARGO_INGESTION_CONTAINER.*command.*line 2/));
    expect(errors).toContainEqual(expect.stringMatching(/^ARGO_INGESTION_WORKFLOW.*line 3/));
  });

  it('prints its version and its help', async () => {
    await using version = startAgent({ args: ['version'] });
    expect(await version.exit).toMatchObject({ code: 0 });
    expect(version.output).toMatch(/^\d+\.\d+\.\d+\n$/);
    await using help = startAgent({ args: ['--help'] });
    expect(await help.exit).toMatchObject({ code: 0 });
    expect(help.output).toContain('Exit codes: 0');
  });
});
