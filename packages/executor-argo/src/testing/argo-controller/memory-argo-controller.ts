import type { Clock, Timer } from '@runner/core';
import type { KubeObject, Pod } from '@runner/kube';
import { PODS } from '@runner/kube';
import type { TestApiServer, TestCluster } from '@runner/kube/testing';
import type { Workflow, WorkflowNode, WorkflowStatus } from '../../workflow/objects.ts';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ExitStep, TestArgoController } from '../argo-controller.ts';
import { newNode, over, seen, withoutMessage } from './node-status.ts';
import type { Step } from './step-pod.ts';
import { exitStep, graceOf, mainStep, podOfStep } from './step-pod.ts';

interface Options {
  readonly cluster: TestCluster;
  readonly clock: Clock;
  readonly secondMs: number;
  readonly stepMs: number;
}

const DONE: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Error']);
/** Longer times to live are not waited for. */
const LONGEST_TTL_MS = 60_000;

/** Follows a server's changes and does what the workflow controller would. */
export class MemoryArgoController implements TestArgoController {
  readonly #server: TestApiServer;
  readonly #options: Options;
  readonly #dirty = new Map<string, readonly [namespace: string, name: string]>();
  readonly #timers = new Set<Timer>();
  readonly #resisting = new Set<string>();
  readonly #killed = new Set<string>();
  readonly #exitSteps = new Map<string, number>();
  readonly #stop: () => void;
  #wake: Timer | undefined;
  #isPaused = false;
  #most: number | undefined;
  #lock: string | undefined;
  #exit: ExitStep = 'succeeds';
  #mayReport = true;

  constructor(server: TestApiServer, options: Options) {
    this.#server = server;
    this.#options = options;
    this.#stop = server.onChange((type, _event, object) => this.#changed(type.plural, object));
    this.#all();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#all();
  }

  parallelism(most: number | undefined): void {
    this.#most = most;
    this.#all();
  }

  lock(name: string | undefined): void {
    this.#lock = name;
    this.#all();
  }

  exitStep(what: ExitStep): void {
    this.#exit = what;
    this.#all();
  }

  resist(workflow: string): void {
    this.#resisting.add(workflow);
    this.#options.cluster.resist(workflow);
  }

  forbidResults(): void {
    this.#mayReport = false;
  }

  exitSteps(workflow: string): number {
    return this.#exitSteps.get(workflow) ?? 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    this.#wake?.cancel();
    for (const timer of this.#timers) timer.cancel();
    return Promise.resolve();
  }

  #changed(plural: string, object: KubeObject): void {
    const { namespace = '', name = '', ownerReferences } = object.metadata ?? {};
    if (plural === WORKFLOWS.plural) this.#enqueue(namespace, name);
    const owner = ownerReferences?.find(({ kind }) => kind === WORKFLOWS.kind);
    if (plural === PODS.plural && owner !== undefined) this.#enqueue(namespace, owner.name);
  }

  #all(): void {
    for (const { metadata } of this.#server.objects(WORKFLOWS)) {
      this.#enqueue(metadata?.namespace ?? '', metadata?.name ?? '');
    }
  }

  /** Each Workflow once, however often it changed meanwhile. */
  #enqueue(namespace: string, name: string): void {
    this.#dirty.set(`${namespace}/${name}`, [namespace, name]);
    this.#wake ??= this.#options.clock.setTimer(this.#options.stepMs, () => {
      this.#wake = undefined;
      const due = [...this.#dirty.values()];
      this.#dirty.clear();
      for (const [of, workflow] of due) this.#sync(of, workflow);
    });
  }

  #sync(namespace: string, name: string): void {
    const workflow = this.#server.object(WORKFLOWS, namespace, name);
    const main = workflow === undefined ? undefined : mainStep(workflow);
    if (this.#isPaused || workflow === undefined || main === undefined) return;
    const { phase = '', nodes = {} } = workflow.status ?? {};
    if (DONE.has(phase) || workflow.metadata?.deletionTimestamp !== undefined) return;
    if (workflow.spec?.suspend === true) this.#hold(workflow, main);
    else if (phase === '' || phase === 'Pending' || nodes[main.id] === undefined) this.#begin(workflow, main);
    else this.#proceed(workflow, main);
  }

  /** Nothing begins and nothing comes to an end; only pods are looked after. */
  #hold(workflow: Workflow, main: Step): void {
    const { status = {} } = workflow;
    const node = status.nodes?.[main.id];
    const nodes = node === undefined ? undefined : { ...status.nodes, [main.id]: this.#assess(workflow, main, node) };
    const next = { ...status, phase: 'Running', ...(nodes === undefined ? {} : { nodes }) };
    if (JSON.stringify(next) !== JSON.stringify(status)) this.#write(workflow, next);
  }

  #begin(workflow: Workflow, main: Step): void {
    const waits = this.#waits();
    if (waits !== undefined && !isShut(workflow)) {
      this.#write(workflow, { ...workflow.status, phase: 'Pending', message: waits });
      return;
    }
    const begun = {
      ...withoutMessage(workflow.status ?? {}),
      phase: 'Running',
      startedAt: this.#now,
      finishedAt: null,
    };
    const node = newNode(main, this.#now);
    if (isShut(workflow)) {
      const shut = over(node, 'Failed', shutdownMessage(workflow), this.#now);
      this.#write(workflow, { ...begun, nodes: { [main.id]: shut } });
      return;
    }
    this.#write(workflow, { ...begun, nodes: { [main.id]: node } });
    this.#server.put(PODS, podOfStep(workflow, main));
  }

  #waits(): string | undefined {
    if (this.#lock !== undefined) return `Waiting for ${this.#lock} lock. Lock status: 0/1`;
    const running = this.#server.objects(WORKFLOWS).filter(({ status }) => status?.phase === 'Running').length;
    return this.#most !== undefined && running >= this.#most
      ? 'Workflow processing has been postponed because too many workflows are already running'
      : undefined;
  }

  #proceed(workflow: Workflow, main: Step): void {
    const nodes = workflow.status?.nodes ?? {};
    const mainNode = this.#assess(workflow, main, nodes[main.id]);
    const exit = exitStep(workflow);
    const wantsExit = exit !== undefined && isOver(mainNode) && workflow.spec?.shutdown !== 'Terminate';
    const before = exit === undefined ? undefined : nodes[exit.id];
    const exitNode = exit === undefined ? undefined : this.#exitNode(workflow, exit, before, wantsExit);
    const next = {
      ...nodes,
      [main.id]: mainNode,
      ...(exit === undefined || exitNode === undefined ? {} : { [exit.id]: exitNode }),
    };
    const isDone = isOver(mainNode) && (exitNode === undefined ? !wantsExit : isOver(exitNode));
    const status = { ...workflow.status, nodes: next, ...(isDone ? this.#end(workflow, mainNode, exitNode) : {}) };
    if (JSON.stringify(status) !== JSON.stringify(workflow.status)) this.#write(workflow, status);
    if (exit !== undefined && before === undefined && exitNode !== undefined) this.#startExit(workflow, exit);
  }

  #exitNode(
    workflow: Workflow,
    exit: Step,
    before: WorkflowNode | undefined,
    isWanted: boolean,
  ): WorkflowNode | undefined {
    if (before !== undefined) return this.#assess(workflow, exit, before);
    return isWanted ? newNode(exit, this.#now) : undefined;
  }

  #startExit(workflow: Workflow, exit: Step): void {
    const name = workflow.metadata?.name ?? '';
    this.#exitSteps.set(name, this.exitSteps(name) + 1);
    this.#server.put(PODS, podOfStep(workflow, exit));
  }

  /** The node as its pod and the wishes of people make it. */
  #assess(workflow: Workflow, step: Step, known: WorkflowNode | undefined): WorkflowNode {
    const node = known ?? newNode(step, this.#now);
    if (isOver(node)) return node;
    const pod = this.#server.object(PODS, workflow.metadata?.namespace ?? '', step.pod);
    if (pod === undefined) return this.#withoutPod(workflow, node);
    if (isShut(workflow) && (!step.isExit || workflow.spec?.shutdown === 'Terminate')) this.#kill(pod, step);
    else if (step.isExit) this.#playExit(pod);
    const next = seen(node, pod, { now: this.#now, mayReport: this.#mayReport, template: step.template });
    const isShutNow = isShut(workflow) && !step.isExit && isOver(next) && next.phase !== 'Succeeded';
    return isShutNow ? { ...next, message: shutdownMessage(workflow) } : next;
  }

  #withoutPod(workflow: Workflow, node: WorkflowNode): WorkflowNode {
    if (isShut(workflow)) return over(node, 'Failed', shutdownMessage(workflow), this.#now);
    return over(node, 'Error', 'pod deleted', this.#now);
  }

  /** Its containers are asked to stop, and killed after the grace; a pod that has none yet is deleted. */
  #kill(pod: Pod, step: Step): void {
    const { cluster, secondMs } = this.#options;
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    if (this.#killed.has(uid) || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return;
    this.#killed.add(uid);
    if (pod.status?.phase !== 'Running') {
      this.#server.delete(PODS, namespace, name, { graceSeconds: 0 });
      return;
    }
    if (!this.#resisting.has(name)) {
      cluster.exit(name, 143);
      return;
    }
    this.#after(graceOf(step.template) * secondMs, () => {
      if (cluster.pod(name)?.metadata?.uid === uid) cluster.exit(name, 137);
    });
  }

  #playExit(pod: Pod): void {
    const { name = '' } = pod.metadata ?? {};
    if (this.#exit === 'hangs' || pod.status?.phase !== 'Running') return;
    if (pod.status.containerStatuses?.[0]?.state?.running === undefined) return;
    this.#options.cluster.exit(name, this.#exit === 'fails' ? 7 : 0);
  }

  #end(workflow: Workflow, main: WorkflowNode, exit: WorkflowNode | undefined): WorkflowStatus {
    const bad = [main, exit].find((node) => node !== undefined && node.phase !== 'Succeeded');
    const shutdown = workflow.spec?.shutdown ?? '';
    const message = shutdown === '' ? bad?.message : `Stopped with strategy '${shutdown}'`;
    const ttl = (workflow.spec?.['ttlStrategy'] as { readonly secondsAfterCompletion?: number } | undefined)
      ?.secondsAfterCompletion;
    if (ttl !== undefined) this.#expire(workflow, ttl * this.#options.secondMs);
    return {
      phase: bad?.phase ?? 'Succeeded',
      finishedAt: this.#now,
      ...(message === undefined ? {} : { message }),
    };
  }

  #expire({ metadata }: Workflow, ms: number): void {
    if (ms > LONGEST_TTL_MS) return;
    this.#after(ms, () => this.#server.delete(WORKFLOWS, metadata?.namespace ?? '', metadata?.name ?? ''));
  }

  #write(workflow: Workflow, status: WorkflowStatus): void {
    const { phase = '' } = status;
    const labels = {
      ...workflow.metadata?.labels,
      'workflows.argoproj.io/phase': phase,
      'workflows.argoproj.io/completed': String(DONE.has(phase)),
    };
    this.#server.put(WORKFLOWS, { ...workflow, metadata: { ...workflow.metadata, labels }, status });
    if (DONE.has(phase)) this.#all();
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  get #now(): string {
    return new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

const isShut = ({ spec }: Workflow): boolean => (spec?.shutdown ?? '') !== '';
const shutdownMessage = ({ spec }: Workflow): string => `workflow shutdown with strategy:  ${spec?.shutdown ?? ''}`;
const isOver = (node: WorkflowNode | undefined): boolean => DONE.has(node?.phase ?? '');
