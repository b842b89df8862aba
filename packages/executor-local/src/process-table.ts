/**
 * Says which process a pid means. Pids are reused and hosts reboot, so a pid alone identifies nothing: nobody is
 * signalled unless start time and boot are the same as well.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in the system's own terms; compared, never computed with. */
  readonly startTime: string;
  /** Names the boot of the host the pid belongs to. */
  readonly bootId: string;
}

/** One process of the table. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
  /** Has ended and waits to be collected: it executes nothing any more. */
  readonly zombie: boolean;
}

/** What is asked of the operating system about processes; tests give one of their own. */
export interface ProcessTable {
  bootId(): string;
  /** Undefined: there is no process of this pid. */
  find(pid: number): ProcessEntry | undefined;
  all(): readonly ProcessEntry[];
  /** Sends a signal to a process, or with a negative pid to a group. A process that is gone is no error. */
  signal(pid: number, signal: NodeJS.Signals): void;
}

/** Who a running process is; undefined when it is gone. */
export function identify(table: ProcessTable, pid: number): ProcessIdentity | undefined {
  const entry = table.find(pid);
  return entry === undefined ? undefined : { pid, startTime: entry.startTime, bootId: table.bootId() };
}

/** True while exactly this process executes. */
export function isAlive(table: ProcessTable, identity: ProcessIdentity): boolean {
  if (table.bootId() !== identity.bootId) return false;
  const entry = table.find(identity.pid);
  return entry !== undefined && !entry.zombie && entry.startTime === identity.startTime;
}

/**
 * Living processes that belong to a program: its process group and, where the system tells, its session. Empty when the
 * pid means another process by now, for then the group died out before.
 */
export function membersOf(table: ProcessTable, program: ProcessIdentity): readonly number[] {
  if (table.bootId() !== program.bootId) return [];
  const leader = table.find(program.pid);
  if (leader !== undefined && leader.startTime !== program.startTime) return [];
  return table
    .all()
    .filter((entry) => !entry.zombie && (entry.group === program.pid || entry.session === program.pid))
    .map((entry) => entry.pid);
}

/** Kills what is left of a program, each process by its own pid. Returns how many there were. */
export function killMembers(table: ProcessTable, program: ProcessIdentity): number {
  const members = membersOf(table, program);
  for (const pid of members) table.signal(pid, 'SIGKILL');
  return members.length;
}

/** `process.kill` for which a process that is gone is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
