import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Tells programs on this host where the control plane answers: `DATA_DIR/address.json`, there only while it is ready. */
export interface AddressFile {
  write(url: string): Promise<void>;
  remove(): Promise<void>;
}

export function addressFile(dataDir: string): AddressFile {
  const path = join(dataDir, 'address.json');
  return {
    write: async (url) => {
      await mkdir(dataDir, { recursive: true });
      const draft = `${path}.${process.pid}`;
      await writeFile(draft, `${JSON.stringify({ url, pid: process.pid })}\n`);
      await rename(draft, path);
    },
    remove: () => rm(path, { force: true }),
  };
}
