type Unit =
  'MB/s' | 'MB' | 'µs' | 'MiB' | 'KiB' | 'bytes' | 'ms' | '%' | 'Jobs/s' | 'Workflows/s' | 'calls' | 'watches';

/** What was promised of a figure, of its value or of its ratio to the bare thing. */
export interface Promised {
  readonly of: 'value' | 'ratio';
  readonly least?: number;
  readonly most?: number;
  /** The run was too small to judge it. */
  readonly tooSmall?: boolean;
}

/** One measured figure. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** The same of the bare thing it is held against, measured in the same run. */
  readonly bare?: number;
  readonly promised?: Promised;
}

export interface Section {
  readonly bench: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** What the reader must know to judge the figures. */
  readonly notes: readonly string[];
  readonly seconds: number;
}

type Verdict = 'met' | 'missed' | 'run too small';

export function ratioOf({ value, bare }: Figure): number | undefined {
  return bare === undefined || bare === 0 ? undefined : value / bare;
}

export function verdictOf(figure: Figure): Verdict | undefined {
  const { promised } = figure;
  if (promised === undefined) return undefined;
  if (promised.tooSmall === true) return 'run too small';
  const measured = promised.of === 'value' ? figure.value : (ratioOf(figure) ?? Number.NaN);
  const { least = -Infinity, most = Infinity } = promised;
  return measured >= least && measured <= most ? 'met' : 'missed';
}

/** In words: `≥ 0.5` or `≤ 30 KiB`. */
export function promiseText({ promised, unit }: Figure): string {
  if (promised === undefined) return '';
  const { of, least, most } = promised;
  const bound = (limit: number): string => limit.toLocaleString('en-US', { maximumSignificantDigits: 3 });
  const number = least === undefined ? `≤ ${bound(most ?? Number.NaN)}` : `≥ ${bound(least)}`;
  return of === 'ratio' ? number : `${number} ${unit}`;
}
