import type { Hello, RunStart, Welcome, WireDiagnosis, WireObservation, WireOutcome, WireSlots } from '../messages.ts';

/** 2026-01-01T00:00:00Z, where the test clock begins. */
const NOW = Date.UTC(2026, 0, 1);

type Present = Extract<WireObservation, { presence: 'present' }>;

/** A valid runId; the same number gives the same one. */
export function sampleRunId(n = 1): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function sampleSlots(overrides: Partial<WireSlots> = {}): WireSlots {
  return { total: 10, free: 10, types: {}, startsSeen: 0, ...overrides };
}

export function sampleHello(overrides: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    minor: 0,
    agentId: 'agent-1',
    instanceId: '11111111-1111-4111-8111-111111111111',
    scope: { id: 'scope-1', description: 'the folder of a test' },
    agentVersion: '0.1.0',
    executor: 'local',
    secretsManager: 'file',
    capabilities: [],
    slots: sampleSlots(),
    ...overrides,
  };
}

export function sampleWelcome(overrides: Partial<Welcome> = {}): Welcome {
  return {
    type: 'welcome',
    controlPlaneId: '22222222-2222-4222-8222-222222222222',
    sessionId: 'session-1',
    epoch: 1,
    role: 'active',
    minor: 0,
    capabilities: [],
    timings: { heartbeatMs: 15_000, silenceMs: 40_000 },
    ...overrides,
  };
}

export function sampleStart(overrides: Partial<RunStart> = {}): RunStart {
  return {
    runId: sampleRunId(),
    kind: 'pipeline',
    pipelineType: 'metadata',
    name: 'shop_metadata',
    fqn: 'shop.shop_metadata',
    config: { source: { type: 'postgres', serviceName: 'shop' }, sink: { type: 'metadata-rest', config: {} } },
    deadlineSeconds: 7_200,
    priority: 0,
    ...overrides,
  };
}

export function sampleDiagnosis(overrides: Partial<WireDiagnosis> = {}): WireDiagnosis {
  return {
    category: 'memory',
    code: 'out_of_memory',
    message: 'The main program used more memory than its limit.',
    permanent: true,
    ...overrides,
  };
}

export function sampleOutcome(overrides: Partial<WireOutcome> = {}): WireOutcome {
  return { result: 'succeeded', exitCode: 0, ...overrides };
}

/** A workload that runs, unless the overrides say otherwise. */
export function samplePresent(overrides: Partial<Present> = {}): Present {
  const { runId = sampleRunId() } = overrides;
  return {
    presence: 'present',
    runId,
    observedAt: NOW,
    workload: { kind: 'process', name: `run-${runId.slice(-4)}`, uid: `uid-${runId.slice(-4)}` },
    phase: 'running',
    startedAt: NOW,
    pipelineType: 'metadata',
    ...overrides,
  };
}

/** A workload that has ended. */
export function sampleEnded(overrides: Partial<Present> = {}): Present {
  return samplePresent({ phase: 'ended', endedAt: NOW + 60_000, outcome: sampleOutcome(), ...overrides });
}

export function sampleAbsent(runId = sampleRunId()): WireObservation {
  return { presence: 'absent', runId, observedAt: NOW };
}

export function sampleUnknown(runId = sampleRunId()): WireObservation {
  return { presence: 'unknown', runId, observedAt: NOW, reason: 'the source cannot be reached' };
}
