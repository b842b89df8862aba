import { CLUSTER } from './arguments.ts';
import { runClusterDemo } from './cluster-demo.ts';
import { runCommand } from './command.ts';
import { demoFolder } from './folder.ts';

process.exitCode = await runCommand(CLUSTER, async (parts) => {
  await runClusterDemo({ ...parts, folder: demoFolder(parts.env['DEMO_DIR'], 'cluster') });
});
