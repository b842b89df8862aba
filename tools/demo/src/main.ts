import { START } from './arguments.ts';
import { runCommand } from './command.ts';
import { runDemo } from './demo.ts';
import { demoFolder } from './folder.ts';

process.exitCode = await runCommand(START, async (parts) => {
  await runDemo({ ...parts, folder: demoFolder(parts.env['DEMO_DIR']) });
});
