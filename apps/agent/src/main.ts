#!/usr/bin/env node
import { Command } from 'commander';
import { keepHeapSmall } from './heap.ts';
import { runAgent } from './run.ts';
import { VERSION } from './version.ts';

keepHeapSmall();

const program = new Command('hybrid-runner-agent')
  .description('Runs what the control plane asks for inside your own network. Configured by environment variables.')
  .version(VERSION)
  .addHelpText(
    'after',
    '\nExit codes: 0 left after a signal, 1 a fault of the agent or left at once after a second signal, 78 the configuration is wrong.',
  );

program
  .command('run', { isDefault: true })
  .description('connect and work until SIGTERM or SIGINT (this is what happens without a command)')
  .action(async () => process.exit(await runAgent(process)));

program
  .command('version')
  .description('print the version')
  .action(() => {
    process.stdout.write(`${VERSION}\n`);
  });

await program.parseAsync();
