import type { Clock } from '@runner/core';
import { systemClock } from '@runner/core';
import type { TestApiServer, TestCluster } from '@runner/kube/testing';
import { MemoryArgoController } from './argo-controller/memory-argo-controller.ts';

/** What becomes of exit steps. */
export type ExitStep = 'succeeds' | 'fails' | 'hangs';

export interface TestArgoControllerOptions {
  /** Plays the pods. It and the server outlive the controller. */
  readonly cluster: TestCluster;
  /** Milliseconds that one second of Argo (deadlines, times to live) takes. Default 1000. */
  readonly secondMs?: number;
  /** Milliseconds between the steps of the controller. Default 1. */
  readonly stepMs?: number;
  readonly clock?: Clock;
}

/**
 * The workflow controller of Argo 3.7 for the Workflows of a `TestApiServer`: one main pod and one of the exit step, named
 * and labelled as Argo does, node statuses in Argo's words, `shutdown`, locks, limits and times to live. A main pod is
 * called like its Workflow, so `TestCluster` is asked for it by that name. It knows Workflows with one container template
 * as entry point and nothing else.
 */
export interface TestArgoController extends AsyncDisposable {
  /** It touches nothing any more, until `resume`. */
  pause(): void;
  resume(): void;
  /** At most so many Workflows at the same time; undefined: as many as there are. */
  parallelism(most: number | undefined): void;
  /** New Workflows wait for this lock (`runs/Mutex/one`) until it is undefined. */
  lock(name: string | undefined): void;
  /** What becomes of exit steps from now on. Default `succeeds`. */
  exitStep(what: ExitStep): void;
  /** Containers cannot be asked to stop: they take the whole grace. By name of the Workflow. */
  resist(workflow: string): void;
  /** The account of the workloads may not report: every step is an Error although its program ended. */
  forbidResults(): void;
  /** Exit steps that began, by name of the Workflow. */
  exitSteps(workflow: string): number;
}

/** Plays the controller; dispose it before cluster and server. */
export function startTestArgoController(server: TestApiServer, options: TestArgoControllerOptions): TestArgoController {
  return new MemoryArgoController(server, {
    cluster: options.cluster,
    clock: options.clock ?? systemClock(),
    secondMs: options.secondMs ?? 1_000,
    stepMs: options.stepMs ?? 1,
  });
}
