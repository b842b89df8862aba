import { inspect } from 'node:util';
import { isAbort } from '@runner/core';
import { describe, expect, it } from 'vitest';
import type { SecretErrorCode } from '../errors.ts';
import type { FetchedSecret, SecretProvider } from '../provider.ts';

/** A provider beside a store that a test can write to. */
export interface ProviderHarness extends AsyncDisposable {
  readonly provider: SecretProvider;
  put(id: string, value: string | Uint8Array): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface ProviderContractOptions {
  /** A fresh provider beside an empty store; disposed at the end of each test. */
  readonly make: () => Promise<ProviderHarness>;
  /** Two ids this store can have. */
  readonly ids: readonly [string, string];
  /** Ids that are never sent to this store, beside the ones that no store takes. */
  readonly malformedIds?: readonly string[];
  /** Whether the store can hold bytes that are no text. Default true. */
  readonly holdsBytes?: boolean;
  /** Whether the store can hold a value of no characters. Default true. */
  readonly holdsEmpty?: boolean;
  /** A value of this many bytes must be readable. Default 65,536. */
  readonly largestBytes?: number;
  /** Failures that can be arranged: each must be told by its code. */
  readonly faults?: readonly {
    readonly code: SecretErrorCode;
    /** Brings the failure about and says which id meets it. */
    readonly arrange: (harness: ProviderHarness) => Promise<string>;
  }[];
}

const MARK = 'mark-of-a-value-that-nobody-may-print';
const IMPOSSIBLE_IDS = ['', ' ', 'a b', 'line\nbreak', 'nul\0', 'x'.repeat(4_096), 'zero\u200bwidth'];

/** What every provider of secrets does, whatever its store. Call it at the top of a vitest file. */
export function secretProviderContract(name: string, options: ProviderContractOptions): void {
  const { make, ids, malformedIds = [] } = options;
  const [id, other] = ids;
  const signal = new AbortController().signal;
  const read = (provider: SecretProvider, wanted: string): Promise<FetchedSecret> => provider.fetch(wanted, { signal });

  describe(`${name} as a secret provider`, () => {
    it('gives a value exactly as it is stored', async () => {
      await using harness = await make();
      for (const value of ['plain', ' spaces ', '"quoted"', '{"json":true}', 'Ünïcödé ✓ 𝒳', 'two\nlines']) {
        await harness.put(id, value);
        expect((await read(harness.provider, id)).value.reveal()).toBe(value);
      }
    });

    it('keeps a line break at the end of a value and warns about it', async () => {
      await using harness = await make();
      await harness.put(id, 'value\n');
      const { value, warnings } = await read(harness.provider, id);
      expect(value.reveal()).toBe('value\n');
      expect(warnings.map((warning) => warning.code)).toContain('value_trailing_newline');
    });

    it('does not follow a value that is a reference itself', async () => {
      await using harness = await make();
      await harness.put(id, `secret:${other}`);
      await harness.put(other, 'the other value');
      expect((await read(harness.provider, id)).value.reveal()).toBe(`secret:${other}`);
    });

    it('reads the largest value that the store promises', async () => {
      await using harness = await make();
      const value = 'v'.repeat(options.largestBytes ?? 65_536);
      await harness.put(id, value);
      expect((await read(harness.provider, id)).value.reveal() === value).toBe(true);
    });

    it('tells absent from failed, and says which secret is absent', async () => {
      await using harness = await make();
      await harness.put(other, 'value');
      const error: unknown = await read(harness.provider, id).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'secret_not_found', retryable: false, details: { id } });
      expect((error as Error).message).toContain(id);
    });

    it('sees a value that changed or was removed since the last time', async () => {
      await using harness = await make();
      await harness.put(id, 'old');
      expect((await read(harness.provider, id)).value.reveal()).toBe('old');
      await harness.put(id, 'new');
      expect((await read(harness.provider, id)).value.reveal()).toBe('new');
      await harness.remove(id);
      await expect(read(harness.provider, id)).rejects.toMatchObject({ code: 'secret_not_found' });
    });

    it('answers calls that overlap, each with its own value', async () => {
      await using harness = await make();
      await harness.put(id, 'one');
      await harness.put(other, 'two');
      const wanted = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? id : other));
      const got = await Promise.all(wanted.map((each) => read(harness.provider, each)));
      expect(got.map((secret) => secret.value.reveal())).toEqual(wanted.map((each) => (each === id ? 'one' : 'two')));
    });

    it.each([...IMPOSSIBLE_IDS, ...malformedIds])('refuses the id %j without throwing', async (malformed) => {
      await using harness = await make();
      const pending = read(harness.provider, malformed);
      await expect(pending).rejects.toMatchObject({ code: 'secret_malformed_id', retryable: false });
    });

    if (options.holdsEmpty ?? true) {
      it('does not give an empty value', async () => {
        await using harness = await make();
        await harness.put(id, '');
        await expect(read(harness.provider, id)).rejects.toMatchObject({ code: 'secret_empty', retryable: false });
      });
    }

    if (options.holdsBytes ?? true) {
      it('does not give bytes that are no text', async () => {
        await using harness = await make();
        await harness.put(id, Uint8Array.of(0xff, 0xfe, 0x00, 0xc3, 0x28));
        await expect(read(harness.provider, id)).rejects.toMatchObject({ code: 'secret_binary', retryable: false });
      });
    }

    it('gives nothing once its signal is aborted', async () => {
      await using harness = await make();
      await harness.put(id, 'value');
      const pending = harness.provider.fetch(id, { signal: AbortSignal.abort() });
      const error: unknown = await pending.catch((caught: unknown) => caught);
      expect(isAbort(error)).toBe(true);
    });

    it('prints neither the value nor a part of it, in results and in errors', async () => {
      await using harness = await make();
      await harness.put(id, MARK);
      const result = await read(harness.provider, id);
      const printed = [inspect(result, { depth: 9, showHidden: true }), JSON.stringify(result)];
      if (options.holdsBytes ?? true) {
        await harness.put(id, Buffer.concat([Buffer.from(MARK), Uint8Array.of(0xff)]));
        const error: unknown = await read(harness.provider, id).catch((caught: unknown) => caught);
        printed.push(inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error));
      }
      for (const text of printed) expect(text).not.toContain(MARK.slice(0, 12));
    });

    it('describes itself without being asked for a secret', async () => {
      await using harness = await make();
      const { name: own, location } = harness.provider.describe();
      expect(own).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(location).not.toBe('');
    });

    it('may be closed twice', async () => {
      await using harness = await make();
      await harness.provider.close?.();
      await harness.provider.close?.();
    });

    for (const { code, arrange } of options.faults ?? []) {
      it(`tells ${code} by its code and names the secret`, async () => {
        await using harness = await make();
        const met = await arrange(harness);
        const error: unknown = await read(harness.provider, met).catch((caught: unknown) => caught);
        expect(error).toMatchObject({ code, details: { provider: harness.provider.describe().name, id: met } });
      });
    }
  });
}
