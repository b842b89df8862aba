import type { WireSlots } from '../../messages.ts';

/**
 * How many starts may still be sent. The agent says how many slots are free and how many starts it had taken in when it
 * counted; starts it had not taken in yet are subtracted, so that a frame under way is never counted twice.
 */
export class StartCredit {
  #slots: WireSlots;
  #sent = 0;
  /** Pipeline types of starts the agent had not taken in when it last counted, oldest first. */
  readonly #underWay: string[] = [];
  readonly #underWayOf = new Map<string, number>();

  constructor(slots: WireSlots) {
    this.#slots = { ...slots, startsSeen: 0 };
  }

  /** What the agent said last. */
  get slots(): WireSlots {
    return this.#slots;
  }

  /** False when the agent claims to have seen more starts than were sent. */
  update(slots: WireSlots): boolean {
    if (slots.startsSeen > this.#sent) return false;
    const seen = Math.max(slots.startsSeen, this.#slots.startsSeen);
    for (const type of this.#underWay.splice(0, seen - this.#slots.startsSeen)) this.#count(type, -1);
    this.#slots = { ...slots, startsSeen: seen };
    return true;
  }

  get total(): number {
    return this.#slots.free - this.#underWay.length;
  }

  of(pipelineType: string): number {
    const limit = Object.hasOwn(this.#slots.types, pipelineType) ? this.#slots.types[pipelineType] : undefined;
    if (limit === undefined) return this.total;
    return Math.min(this.total, limit.free - (this.#underWayOf.get(pipelineType) ?? 0));
  }

  note(pipelineType: string): void {
    this.#sent += 1;
    this.#underWay.push(pipelineType);
    this.#count(pipelineType, 1);
  }

  #count(pipelineType: string, by: 1 | -1): void {
    const count = (this.#underWayOf.get(pipelineType) ?? 0) + by;
    if (count === 0) this.#underWayOf.delete(pipelineType);
    else this.#underWayOf.set(pipelineType, count);
  }
}
