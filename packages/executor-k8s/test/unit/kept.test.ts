import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { podKeeper } from '../../src/kept.ts';
import { deletedAt, exited, goneAt, podOf, runs } from '../support/objects.ts';

const spec = testRunSpec();

describe('the deletion of a pod', () => {
  it('is kept as it was asked for when the kubelet writes it anew', () => {
    const keeper = podKeeper();
    keeper.keep(podOf(spec, { status: runs() }));
    keeper.keep(podOf(spec, { status: runs(), metadata: deletedAt(30) }));
    const last = podOf(spec, { status: exited(1, 33), metadata: goneAt(34) });
    expect(keeper.keep(last).metadata).toMatchObject(deletedAt(30));
    expect(keeper.restore(last).metadata).toMatchObject(deletedAt(30));
  });

  it('is that of this pod, until it is forgotten', () => {
    const keeper = podKeeper();
    const leaving = podOf(spec, { status: runs(), metadata: deletedAt(30) });
    keeper.keep(leaving);
    const other = podOf(spec, { status: exited(1, 33), metadata: { ...goneAt(34), uid: 'other-uid' } });
    expect(keeper.keep(other).metadata).toMatchObject(goneAt(34));
    keeper.forget(leaving);
    const last = podOf(spec, { status: exited(1, 33), metadata: goneAt(34) });
    expect(keeper.keep(last).metadata).toMatchObject(goneAt(34));
  });
});
