import { readFile, readdir } from 'node:fs/promises';
import { kubectlCommand, succeed } from './cluster.ts';
import type { AgentPod } from './agents.ts';

/**
 * Ends the program of a pod without a word, as the loss of its node does: SIGKILL where the node is this machine; elsewhere
 * the pod is deleted by force, and the program may say goodbye.
 */
export async function killPod(namespace: string, { name, uid }: AgentPod): Promise<'killed' | 'deleted'> {
  const [pid] = await processesOf(uid);
  if (pid !== undefined) {
    process.kill(pid, 'SIGKILL');
    return 'killed';
  }
  await succeed(kubectlCommand(['delete', 'pod', name, '--namespace', namespace, '--grace-period=0', '--force']));
  return 'deleted';
}

/** Processes of the agent in this pod that this machine knows of. */
async function processesOf(uid: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const [group, command] = await Promise.all(
      ['cgroup', 'cmdline'].map((file) => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '')),
    );
    // Drivers of cgroups write the uid with dashes or with underscores.
    const isIn = group?.includes(uid) === true || group?.includes(uid.replaceAll('-', '_')) === true;
    if (isIn && command?.includes('hybrid-runner') === true) found.push(Number(entry));
  }
  return found;
}
