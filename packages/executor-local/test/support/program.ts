/** The program of a run in tests: does what it is told over a socket, until it is told to end. */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

interface Command {
  readonly print?: string;
  readonly exit?: number;
  readonly resist?: boolean;
  /** Starts a process that runs for ten minutes; answers its pid. */
  readonly spawn?: boolean;
  /** Answers its environment. */
  readonly environment?: boolean;
}

const socket = connect(Number(process.env['CONTROL_PORT']), '127.0.0.1');
const answer = (value: unknown): void => void socket.write(`${JSON.stringify(value)}\n`);

function act(command: Command): void {
  if (command.print !== undefined) {
    const bytes = Buffer.from(command.print, 'base64');
    for (let done = 0; done < bytes.length;) done += writeSync(1, bytes, done);
    answer({ done: true });
  } else if (command.resist === true) {
    process.on('SIGTERM', () => undefined);
    answer({ done: true });
  } else if (command.spawn === true) {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000)'], { stdio: 'ignore' });
    child.unref();
    answer({ pid: child.pid });
  } else if (command.environment === true) {
    answer({ environment: process.env });
  } else {
    process.exit(command.exit ?? 0);
  }
}

answer({ runId: process.env['pipelineRunId'], pid: process.pid });
createInterface({ input: socket }).on('line', (line) => act(JSON.parse(line) as Command));
// A test that ended without telling its programs must not leave them behind.
socket.on('close', () => process.exit(99));
