import { testRunSpec } from '@runner/executor/testing';
import type { Pod } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { podKeeper } from '@runner/kube/runs';
import { mainStatus } from '@runner/kube/runs';
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

describe('the reason why an image cannot be pulled', () => {
  const pulling = (reason: string, message: string): Pod => {
    const main = { name: 'main', image: 'x:1', imageID: '', ready: false, restartCount: 0 };
    const state = { waiting: { reason, message } };
    return podOf(spec, { status: { phase: 'Pending', containerStatuses: [{ ...main, state }] } });
  };
  const failing = pulling('ErrImagePull', 'manifest unknown');
  const silent = pulling('ImagePullBackOff', 'Back-off pulling image "x:1"');
  const said = (pod: Pod): string | undefined => mainStatus(pod)?.state?.waiting?.message;

  it('is kept while the kubelet backs off without a word about it', () => {
    const keeper = podKeeper();
    keeper.keep(failing);
    for (const pod of [keeper.keep(silent), keeper.keep(silent), keeper.restore(silent)]) {
      expect(said(pod)).toBe('Back-off pulling image "x:1": ErrImagePull: manifest unknown');
    }
  });

  it('is that of this pod, until it is forgotten', () => {
    const keeper = podKeeper();
    keeper.keep(failing);
    const other = { ...silent, metadata: { ...silent.metadata, uid: 'other-uid' } };
    expect(said(keeper.keep(other))).toBe(said(silent));
    keeper.forget(failing);
    expect(said(keeper.keep(silent))).toBe(said(silent));
  });
});
