import { isMap } from '../../src/index.ts';

/** Values with others laid over them, as Helm lays one file over another. */
export function overlaid(below: object, above: object): object {
  const values: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const standing = values[key];
    values[key] = isMap(standing) && isMap(value) ? overlaid(standing, value) : value;
  }
  return values;
}
