import { defineCheck } from '../check.ts';

const NOTICEABLE_MS = 30_000;
const HARMFUL_MS = 300_000;

/** The clock of this machine against the `Date` header of the control plane, which counts whole seconds. */
export const clock = defineCheck({
  id: 'clock',
  group: 'network',
  looksAt: 'the clock of this machine against that of the control plane',
  reasons: {
    clock_ok: { level: 'ok', when: 'The clocks agree.' },
    clock_skewed: {
      level: 'warn',
      when: 'They differ by more than 30 s.',
      fix: 'Let both machines ask a time server (chrony, systemd-timesyncd).',
    },
    clock_wrong: {
      level: 'fail',
      when: 'They differ by more than 5 min: tokens and certificates are judged wrongly.',
      fix: 'Set the clock right and let the machine ask a time server (chrony, systemd-timesyncd).',
    },
    clock_unknown: { level: 'skipped', when: 'The control plane does not answer, or tells no time.' },
  },
  run: async (context, say) => {
    const answer = await context.server();
    const theirs = answer.answered ? Date.parse(answer.date ?? '') : Number.NaN;
    if (!answer.answered || Number.isNaN(theirs)) return [say('clock_unknown', 'The control plane tells no time.')];
    const skew = answer.at - theirs;
    const told = `This clock is ${Math.round(Math.abs(skew) / 1_000)} s ${skew < 0 ? 'behind' : 'ahead of'} that of the control plane.`;
    if (Math.abs(skew) > HARMFUL_MS) return [say('clock_wrong', told)];
    if (Math.abs(skew) > NOTICEABLE_MS) return [say('clock_skewed', told)];
    return [say('clock_ok', told)];
  },
});
