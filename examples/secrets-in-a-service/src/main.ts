import process from 'node:process';
import { createService } from './service.ts';

const app = await createService(process.env);
process.once('SIGTERM', () => void app.close());
console.log(await app.listen({ port: Number(process.env['PORT'] ?? 8080) }));
