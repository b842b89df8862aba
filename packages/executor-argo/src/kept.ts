import { Buffer } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import { defined, keepMeta } from '@runner/kube/runs';
import type { Workflow, WorkflowNode, WorkflowStatus } from './workflow/objects.ts';

/** Of the node statuses, once they are no longer compressed. Ours are two. */
const MOST_BYTES = 16 * 1_048_576;

/** What is kept of Workflows: enough to judge, without templates, whose env holds the config. */
export function keepWorkflow({ metadata, spec = {}, status = {} }: Workflow): Workflow {
  const { entrypoint, onExit, shutdown, suspend } = spec;
  const { phase, message, startedAt, finishedAt } = status;
  const nodes = nodesOf(status);
  return {
    metadata: keepMeta(metadata),
    spec: defined({ entrypoint, onExit, shutdown, suspend }),
    status: {
      ...defined({ phase, message, startedAt, finishedAt }),
      ...(nodes === undefined ? {} : { nodes: Object.fromEntries(Object.entries(nodes).map(keepNode)) }),
    },
  };
}

function keepNode([id, node]: readonly [string, WorkflowNode]): readonly [string, WorkflowNode] {
  const { name, type, templateName, phase, message, startedAt, finishedAt, synchronizationStatus } = node;
  const exitCode = node.outputs?.exitCode;
  return [
    id,
    {
      ...defined({ name, type, templateName, phase, message, startedAt, finishedAt, synchronizationStatus }),
      ...(exitCode === undefined ? {} : { outputs: { exitCode } }),
    },
  ];
}

/** Undefined when they are kept elsewhere (a database), or cannot be read: then phase and pods must do. */
function nodesOf({ nodes, compressedNodes }: WorkflowStatus): Readonly<Record<string, WorkflowNode>> | undefined {
  if (nodes !== undefined || compressedNodes === undefined || compressedNodes === '') return nodes;
  try {
    const text = gunzipSync(Buffer.from(compressedNodes, 'base64'), { maxOutputLength: MOST_BYTES }).toString();
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, WorkflowNode>) : undefined;
  } catch {
    return undefined;
  }
}
