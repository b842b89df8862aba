import fc from 'fast-check';

/**
 * The alphabet: everything that can happen to the system, as plain data, so that a failing history can be printed,
 * shrunk and run again. Numbers are reduced to what exists when the action is applied.
 */
export type Action =
  | { readonly do: 'submit' }
  | { readonly do: 'cancel'; readonly run: number }
  | { readonly do: 'wait'; readonly ms: number }
  | {
      readonly do: 'begin' | 'succeed' | 'fail' | 'stop' | 'stuck' | 'removeByHand' | 'discard' | 'unlist';
      readonly run: number;
    }
  | { readonly do: 'mainReports'; readonly run: number; readonly state: 'running' | 'succeeded' | 'failed' }
  | { readonly do: 'abandon'; readonly run: number }
  | { readonly do: 'cut' | 'halfOpen' | 'hold' | 'release'; readonly agent: number }
  | {
      readonly do: 'tamper';
      readonly from: 'agent' | 'control plane';
      readonly how: 'drop' | 'duplicate' | 'late';
      readonly frames: number;
    }
  | { readonly do: 'replay'; readonly from: 'agent' | 'control plane'; readonly agent: number; readonly frame: number }
  | { readonly do: 'killAgent' | 'startAgent' | 'stopAgent'; readonly agent: number }
  | { readonly do: 'killReplica' | 'startReplica'; readonly replica: number }
  | { readonly do: 'otherScope'; readonly agent: number }
  | { readonly do: 'submitFault'; readonly kind: 'error' | 'reply_lost' | 'late' }
  | { readonly do: 'placeAway' | 'placeBack' | 'placeDeaf' | 'staleLists' | 'freshLists' }
  | { readonly do: 'loseSignals' | 'deliverSignals' }
  | { readonly do: 'copyStore' | 'restoreStore' | 'wipeStore' }
  | { readonly do: 'clockStepsBack' };

const run = fc.nat(6);
const agent = fc.nat(1);
const simple = <T extends Action['do']>(...names: readonly T[]) =>
  fc.constantFrom(...names).map((name) => ({ do: name }));
const onRun = <T extends string>(...names: readonly T[]) => fc.record({ do: fc.constantFrom(...names), run });
const onAgent = <T extends string>(...names: readonly T[]) => fc.record({ do: fc.constantFrom(...names), agent });

/** Common things are common; each fault still comes up in thousands of histories. */
export const action = fc.oneof(
  { weight: 10, arbitrary: simple('submit') },
  {
    weight: 14,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 20, 500, 5_000, 20_000, 65_000) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('cancel' as const), run }) },
  { weight: 18, arbitrary: onRun('begin', 'begin', 'succeed', 'fail', 'stop') },
  { weight: 1, arbitrary: onRun('stuck', 'removeByHand', 'abandon', 'unlist') },
  { weight: 1, arbitrary: onRun('discard', 'succeed') },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mainReports' as const),
      run,
      state: fc.constantFrom('running' as const, 'succeeded' as const, 'failed' as const),
    }),
  },
  { weight: 5, arbitrary: onAgent('cut', 'halfOpen', 'hold', 'release') },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('tamper' as const),
      from: fc.constantFrom('agent' as const, 'control plane' as const),
      how: fc.constantFrom('drop' as const, 'duplicate' as const, 'late' as const),
      frames: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('replay' as const),
      from: fc.constantFrom('agent' as const, 'control plane' as const),
      agent,
      frame: fc.nat(300),
    }),
  },
  { weight: 6, arbitrary: onAgent('startAgent', 'startAgent', 'killAgent', 'stopAgent') },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('startReplica' as const, 'startReplica' as const, 'killReplica' as const),
      replica: fc.nat(1),
    }),
  },
  { weight: 1, arbitrary: onAgent('otherScope') },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('submitFault' as const),
      kind: fc.constantFrom('error' as const, 'reply_lost' as const, 'late' as const),
    }),
  },
  { weight: 4, arbitrary: simple('placeAway', 'placeBack', 'placeDeaf', 'staleLists', 'freshLists') },
  { weight: 2, arbitrary: simple('loseSignals', 'deliverSignals') },
  { weight: 2, arbitrary: simple('copyStore', 'restoreStore', 'wipeStore') },
  { weight: 1, arbitrary: simple('clockStepsBack') },
) as fc.Arbitrary<Action>;

export interface History {
  /** Drives every delay and every random choice. */
  readonly seed: number;
  readonly actions: readonly Action[];
}

export const history: fc.Arbitrary<History> = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  actions: fc.array(action, { minLength: 1, maxLength: 80, size: 'max' }),
});
