import type { ExecutorSubject } from '@runner/executor/testing';
import type { ControlServer } from '../../src/index.ts';
import type { ApiGate } from './api-gate.ts';

type Controls = Pick<ExecutorSubject, 'print' | 'succeed' | 'fail' | 'resist' | 'executions' | 'outage'>;

/** What the contract of executors asks of a place whose programs do what a control server says, behind a gate. */
export function controlsOf(control: ControlServer, gate: ApiGate): Controls {
  return {
    print: async (runId, bytes) => await (await control.program(runId)).print(bytes),
    succeed: async (runId) => (await control.program(runId)).exit(0),
    fail: async (runId, exitCode) => (await control.program(runId)).exit(exitCode),
    resist: async (runId) => await (await control.program(runId)).resist(),
    executions: (runId) => Promise.resolve(control.executions(runId)),
    outage: () => {
      gate.shut();
      return Promise.resolve(async () => {
        gate.open();
        await Promise.resolve();
      });
    },
  };
}
