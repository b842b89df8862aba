import { parseQuantity } from '@runner/scheduling';
import type { Kind } from './kinds.ts';
import { badRequest } from './refusal.ts';
import type { Json } from './stored.ts';
import { at, isJson, jsonAt, listAt } from './stored.ts';

const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Throws 400 as the decoder does, for the fields whose types JavaScript gets wrong most. */
export function validateTypes(kind: Kind, object: Json): void {
  const why = decodingFault(kind, object);
  if (why === undefined) return;
  throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
}

function decodingFault(kind: Kind, object: Json): string | undefined {
  const isJob = kind.resource === 'jobs.batch';
  return (
    metadataFault(jsonAt(object, 'metadata'), 'metadata') ??
    (isJob ? metadataFault(jsonAt(object, 'spec', 'template', 'metadata'), 'spec.template.metadata') : undefined) ??
    (isJob ? podFault(jsonAt(object, 'spec', 'template', 'spec'), 'spec.template.spec') : undefined) ??
    (kind.resource === 'pods' ? podFault(jsonAt(object, 'spec'), 'spec') : undefined) ??
    (kind.resource === 'configmaps' ? textsFault(at(object, 'data'), 'ConfigMap.data') : undefined) ??
    (kind.resource === 'secrets' ? secretFault(object) : undefined)
  );
}

function unmarshal(value: unknown, field: string): string {
  const name = typeof value === 'boolean' ? 'bool' : Array.isArray(value) ? 'array' : typeof value;
  return `json: cannot unmarshal ${name} into Go struct field ${field} of type string`;
}

function textsFault(value: unknown, field: string): string | undefined {
  const wrong = isJson(value) ? Object.values(value).find((item) => typeof item !== 'string') : undefined;
  return wrong === undefined ? undefined : unmarshal(wrong, field);
}

function metadataFault(metadata: Json, path: string): string | undefined {
  return (
    textsFault(metadata['labels'], `ObjectMeta.${path}.labels`) ??
    textsFault(metadata['annotations'], `ObjectMeta.${path}.annotations`)
  );
}

function podFault(spec: Json, path: string): string | undefined {
  for (const container of listAt(spec, 'containers')) {
    for (const variable of listAt(container, 'env')) {
      const value = at(variable, 'value');
      if (value !== undefined && typeof value !== 'string')
        return unmarshal(value, `EnvVar.${path}.containers.env.value`);
    }
    for (const list of ['limits', 'requests']) {
      const amounts = Object.values(jsonAt(container, 'resources', list));
      if (amounts.some((amount) => parseQuantity(String(amount)) === undefined)) {
        return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
      }
    }
  }
  return undefined;
}

function secretFault(object: Json): string | undefined {
  const data = jsonAt(object, 'data');
  const fault = textsFault(data, 'Secret.data') ?? textsFault(at(object, 'stringData'), 'Secret.stringData');
  if (fault !== undefined) return fault;
  const wrong = Object.values(data).find(
    (text) => typeof text === 'string' && !BASE64.test(text.replaceAll(/\s/g, '')),
  );
  return wrong === undefined ? undefined : 'illegal base64 data at input byte 0';
}
