/**
 * Takes out the keys that could change a prototype when somebody merges or assigns the object later: `__proto__`, and
 * `constructor` where it holds an object. `JSON.parse` makes plain own properties of them, so nothing has happened yet.
 * @param value what was parsed; changed in place. Its depth has been checked.
 * @param text what it was parsed from; saves the walk in almost every frame
 */
export function removeDangerousKeys(value: object, text: string): void {
  // A key can also be spelled with \u escapes.
  if (text.includes('__proto__') || text.includes('constructor') || text.includes('\\u')) walk(value);
}

function walk(value: object): void {
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) if (typeof item === 'object' && item !== null) walk(item);
    return;
  }
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    const isObject = typeof item === 'object' && item !== null;
    if (key === '__proto__' || (key === 'constructor' && isObject)) Reflect.deleteProperty(value, key);
    else if (isObject) walk(item);
  }
}
