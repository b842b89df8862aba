/** A set that forgets its oldest members beyond `capacity`, so that a long session cannot fill the memory. */
export interface BoundedSet {
  readonly size: number;
  add(member: string): void;
  has(member: string): boolean;
  delete(member: string): void;
  /** Keeps only members for which `keep` is true. */
  retain(keep: (member: string) => boolean): void;
  clear(): void;
}

export function createBoundedSet(capacity: number): BoundedSet {
  const members = new Set<string>();
  return {
    get size() {
      return members.size;
    },
    add: (member) => {
      // Deleted first, so that a repeated member counts as the youngest.
      members.delete(member);
      members.add(member);
      if (members.size <= capacity) return;
      for (const oldest of members) {
        members.delete(oldest);
        break;
      }
    },
    has: (member) => members.has(member),
    delete: (member) => {
      members.delete(member);
    },
    retain: (keep) => {
      for (const member of members) if (!keep(member)) members.delete(member);
    },
    clear: () => members.clear(),
  };
}
