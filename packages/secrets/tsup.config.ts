import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.js';

export default defineConfig({
  ...base,
  // It comes with Google's SDK.
  external: ['google-gax'],
  entry: [
    'src/index.ts',
    'src/file.ts',
    'src/env.ts',
    'src/exec.ts',
    'src/cli.ts',
    'src/choose.ts',
    'src/kubernetes.ts',
    'src/aws.ts',
    'src/azure.ts',
    'src/gcp.ts',
    'src/testing/index.ts',
    'src/testing/servers.ts',
  ],
});
