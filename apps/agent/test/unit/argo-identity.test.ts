import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '@runner/core';
import { testClock } from '@runner/core/testing';
import type { KubeIdentity } from '@runner/kube';
import { expect, it } from 'vitest';
import { withToken } from '../../src/argo.ts';
import { temporaryFolder } from '../folder.ts';

/** A pod's account, whose certificate authority changes. */
function account(): KubeIdentity & { asked: number; certificateAuthority: string } {
  return {
    place: { server: 'https://10.0.0.1:443', clusterId: 'c', namespace: 'runner' },
    certificateAuthority: 'first',
    asked: 0,
    authorization() {
      this.asked += 1;
      return Promise.resolve('Bearer of-the-pod');
    },
  };
}

const SIGNAL = new AbortController().signal;
const ask = (identity: KubeIdentity, refresh = false) => identity.authorization({ refresh, signal: SIGNAL });

it('the holder of the token for Argo speaks to the cluster of the pod, whose certificates are looked after all the same', async () => {
  const own = account();
  const identity = await withToken(own, { value: new Secret('of-argo'), file: undefined }, testClock());
  expect(identity.place).toBe(own.place);
  expect(await ask(identity)).toBe('Bearer of-argo');
  expect(own.asked).toBe(1);
  own.certificateAuthority = 'second';
  expect(identity.certificateAuthority).toBe('second');
});

it('a token in a file is read again when it was refused, and after a minute', async () => {
  using folder = temporaryFolder();
  const [file, clock] = [join(folder.path, 'token'), testClock()];
  writeFileSync(file, 'Bearer one\n');
  const identity = await withToken(account(), { value: new Secret('one'), file }, clock);
  expect(await ask(identity)).toBe('Bearer one');
  writeFileSync(file, 'two\n');
  expect(await ask(identity)).toBe('Bearer one');
  expect(await ask(identity, true)).toBe('Bearer two');
  writeFileSync(file, 'three\n');
  await clock.advance(60_000);
  expect(await ask(identity)).toBe('Bearer three');
});
