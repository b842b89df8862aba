import type { ProcessTable } from './process-table.ts';
import { procTable } from './process-table-proc.ts';
import { psTable } from './process-table-ps.ts';

/** The process table of this host. */
export function hostProcesses(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === 'linux' ? procTable() : psTable();
}
