import { defineConfig } from 'tsup';
import { appBase } from '../../tsup.base.js';

export default defineConfig({ ...appBase, entry: ['src/main.ts'] });
