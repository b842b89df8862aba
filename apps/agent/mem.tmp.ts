import { mkdtempSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { testControlPlane, AGENT_ID } from './test/control-plane.ts';
import { startAgent } from './test/agent-process.ts';
import { testToken } from './test/tokens.ts';
for (const main of process.argv.slice(2)) {
const cp = await testControlPlane();
const dir = mkdtempSync('/tmp/mem-');
const agent = startAgent({ main, cwd: dir, env: { AGENT_ID, AUTH_TOKEN: testToken({sub:'b'}), SERVER_URL: cp.url, EXECUTOR_TYPE: 'local', LOCAL_EXECUTOR_DIR: dir + '/runs', INGESTION_COMMAND: '["true"]' } });
await cp.untilActive();
await sleep(8000);
const st = readFileSync(`/proc/${agent.pid}/status`, 'utf8');
console.log(main, st.match(/VmRSS:.*|RssAnon:.*|RssFile:.*/g)?.join(' '));
await agent[Symbol.asyncDispose]();
await cp[Symbol.asyncDispose]();
}
