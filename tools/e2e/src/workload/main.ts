/**
 * `python` in the image of the tests: plays main.py, run_automation.py, exit_handler.py and
 * `-m metadata.applications.runner` as its environment asks.
 */
import { CONTROL_VARIABLE } from '../orders.ts';
import { handleExit } from './exit-handler.ts';
import { obey } from './obey.ts';
import { play } from './play.ts';

/** The quickstart lies beside this program and runs when it is imported. */
const ingest = async (): Promise<void> => {
  await import(new URL('quickstart.mjs', import.meta.url).href);
};

const argv = process.argv.slice(2);
const control = process.env[CONTROL_VARIABLE] ?? '';
const script = process.env['E2E_PLAY'] ?? '';

if (argv[0] === 'exit_handler.py') {
  await handleExit(process.env);
} else if (control !== '') {
  obey(control, argv, ingest);
} else if (script !== '') {
  await play(script);
} else {
  await ingest();
}
