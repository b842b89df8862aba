/**
 * Plays a script of steps, divided by semicolons: `print:text`, `sleep:seconds`, `allocate:MiB`, `exit:code`. An unknown
 * step ends the program with 64.
 */
export async function play(script: string): Promise<void> {
  for (const step of script.split(';')) {
    const [verb = '', ...rest] = step.trim().split(':');
    const text = rest.join(':');
    if (verb === 'print') process.stdout.write(`${text}\n`);
    else if (verb === 'sleep') await new Promise((resolve) => setTimeout(resolve, Number(text) * 1_000));
    else if (verb === 'allocate') hold(Number(text));
    else if (verb === 'exit') process.exit(Number(text));
    else {
      process.stderr.write(`there is no step ${verb}\n`);
      process.exit(64);
    }
  }
}

const held: Buffer[] = [];

/** Every page is written to: memory that nobody touched does not count. */
export function hold(mebibytes: number): void {
  for (let count = 0; count < mebibytes; count += 1) held.push(Buffer.alloc(1_048_576, 1));
}
