import { isMap } from '@runner/charts';
import { parseAllDocuments } from 'yaml';
import type { Charts } from './helm.ts';
import { valuesProblems } from './helm.ts';

/** What is wrong with YAML of a kind: `yaml values`, `yaml control-plane`, `yaml kubernetes`. */
export function yamlProblems(kind: string, text: string, charts: Charts): readonly string[] {
  const documents = parseAllDocuments(text, { uniqueKeys: true });
  const broken = documents.flatMap(({ errors }) => errors.map(({ message }) => `this is no YAML: ${message}`));
  if (broken.length > 0) return broken;
  const values = documents.map((document) => document.toJS() as unknown);
  if (kind === 'yaml kubernetes') return values.flatMap(objectProblems);
  if (values.length !== 1) return ['write one document'];
  if (kind === 'yaml values') return valuesProblems(charts.agent, values[0]);
  return valuesProblems(charts.controlPlane, values[0]);
}

function objectProblems(value: unknown): readonly string[] {
  if (!isMap(value)) return ['write an object of Kubernetes'];
  const metadata = value['metadata'];
  return [
    ...(typeof value['apiVersion'] === 'string' ? [] : ['the object lacks apiVersion']),
    ...(typeof value['kind'] === 'string' ? [] : ['the object lacks kind']),
    ...(isMap(metadata) && typeof metadata['name'] === 'string' ? [] : ['the object lacks metadata.name']),
  ];
}
