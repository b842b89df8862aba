import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT_CHART, CONTROL_PLANE_CHART, stagedAgentChart } from '../../src/index.ts';
import { agentCharts, helmCommand, withHelm } from '../support/charts.ts';
import { EXAMPLES, GOLDEN } from '../support/values-files.ts';

/**
 * Without what is a file of its own (dashboard, alerts), and without the version, which changes with every release and with it
 * nothing else.
 */
function steadyPart(yaml: string): string {
  return yaml
    .split(/^---\n/m)
    .filter((document) => !/^# Source: .*\/(dashboard|monitoring)\.yaml$/m.test(document))
    .join('---\n')
    .replace(/\b0\.\d+\.\d+\b(?=["\n]|$)/gm, 'VERSION')
    .replace(/[ \t]+$/gm, '');
}

withHelm('what the examples render', () => {
  const charts = agentCharts();

  test.each(EXAMPLES.map((file) => [basename(file), file] as const))(
    '%s renders what it always did',
    async (name, file) => {
      const { code, stdout, stderr } = await charts.attempt({ files: [file] });
      expect(stderr).toBe('');
      expect(code).toBe(0);
      const steady = steadyPart(stdout);
      await expect(steady).toMatchFileSnapshot(join(GOLDEN, name));
    },
  );

  test.each(EXAMPLES.map((file) => [basename(file), file] as const))(
    '%s is the same on the oldest Kubernetes',
    async (_, file) => {
      const [oldest, newest] = await Promise.all(
        ['1.28.0', '1.34.0'].map((kubernetes) => charts.attempt({ files: [file], kubernetes })),
      );
      expect(oldest?.code).toBe(0);
      expect(oldest?.stdout).toBe(newest?.stdout);
    },
  );

  test('a Kubernetes that is too old is refused', async () => {
    const { code, stderr } = await charts.attempt({ files: EXAMPLES.slice(0, 1), kubernetes: '1.27.0' });
    expect(code).not.toBe(0);
    expect(stderr).toContain('>=1.28');
  });
});

withHelm('helm lint', () => {
  test('finds nothing in the chart of the agent, by itself and with each example', async () => {
    await using staged = await stagedAgentChart();
    for (const file of EXAMPLES) {
      const { code, stdout } = await helmCommand([
        'lint',
        '--strict',
        '--kube-version',
        '1.34.0',
        staged.folder,
        '--values',
        file,
      ]);
      expect(`${basename(file)} ${code}\n${stdout}`).toContain(`${basename(file)} 0\n`);
      expect(stdout).toContain('0 chart(s) failed');
    }
  });

  test('finds nothing in the chart of the control plane', async () => {
    const { code } = await helmCommand(['lint', '--strict', '--kube-version', '1.34.0', CONTROL_PLANE_CHART]);
    expect(code).toBe(0);
  });

  test('misses the dependency in the bare folder, which therefore is staged', async () => {
    const { code, stderr } = await helmCommand(['template', 'demo', AGENT_CHART, '--kube-version', '1.34.0']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('argo-workflows');
  });
});
