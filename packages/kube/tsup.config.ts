import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.js';

export default defineConfig({
  ...base,
  entry: ['src/index.ts', 'src/kubeconfig.ts', 'src/runs/index.ts', 'src/testing/index.ts'],
});
