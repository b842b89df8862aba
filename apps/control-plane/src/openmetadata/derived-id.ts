import { createHash } from 'node:crypto';

/**
 * A UUID (version 8, of our own making) that is the same each time for the same facts. Two replicas that act on the same slot or the same
 * failed run thereby make the same run, and the store keeps one of them.
 */
export function derivedId(namespace: string, name: string): string {
  const digest = createHash('sha1').update(namespace).update('\0').update(name).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
