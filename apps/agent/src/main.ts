#!/usr/bin/env node
import { Command } from 'commander';
import { keepHeapSmall } from './heap.ts';
import { EXIT } from './host.ts';
import { newcomerText } from './newcomer.ts';
import { VERSION } from './version.ts';

keepHeapSmall();

const program = new Command('hybrid-runner')
  .description('Runs what the control plane asks for inside your own network. Configured by environment variables.')
  .version(VERSION)
  .addHelpText(
    'after',
    '\nExit codes: 0 left after a signal, 1 a fault of the agent or left at once after a second signal, 78 the configuration is wrong.',
  );

// What a command needs is loaded with it and not before: a helper that runs each six hours shall not load an executor.
program
  .command('run', { isDefault: true })
  .description('connect and work until SIGTERM or SIGINT (this is what happens without a command)')
  .action(async () => {
    const { runAgent } = await import('./run.ts');
    const code = await runAgent(process);
    if (code === EXIT.misconfigured) process.stderr.write(newcomerText(process.env) ?? '');
    process.exit(code);
  });

program
  .command('registry-helper')
  .description('get a token for the registry of the ingestion image and write it as pull secret')
  .action(async () => {
    const { runRegistryHelper } = await import('./registry/command.ts');
    process.exit(await runRegistryHelper(process));
  });

program
  .command('doctor')
  .description('look at everything the runner needs, and say what is wrong and how to mend it (doctor --help)')
  .argument('[options...]')
  .allowUnknownOption()
  .helpOption(false)
  .action(async (argv: readonly string[]) => {
    const { runDoctor } = await import('./doctor/command.ts');
    process.exit(await runDoctor(process, argv));
  });

program
  .command('version')
  .description('print the version')
  .action(() => {
    process.stdout.write(`${VERSION}\n`);
  });

await program.parseAsync();
