/**
 * Kubernetes resource quantities: a decimal number with a suffix (`500m`, `1Gi`, `2`, `1e3`). Compared exactly, in
 * millionths, so that `1000m` equals `1` and `1024Mi` equals `1Gi`.
 * Source: the grammar of `resource.Quantity` in Kubernetes' API machinery.
 */

const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
/** Powers of ten. */
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const SHAPE = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei)|(n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d{1,2}))?$/;
/** Digits kept behind the point; Kubernetes rounds up beyond nano. */
const SCALE = 9;

/** A quantity as a number of billionths; undefined when the text is no quantity. */
export function parseQuantity(text: string): bigint | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = '', binary, decimal, exponent] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const power = exponent === undefined ? (DECIMAL[decimal ?? ''] ?? 0) : Number(exponent);
  const mantissa = BigInt(`${whole}${fraction}` || '0') * (binary === undefined ? 1n : (BINARY[binary] ?? 1n));
  const shift = SCALE + power - fraction.length;
  const value = shift >= 0 ? mantissa * 10n ** BigInt(shift) : roundUp(mantissa, 10n ** BigInt(-shift));
  return sign === '-' ? -value : value;
}

const roundUp = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

/** Negative when a < b. Both must be quantities. */
export function compareQuantities(a: string, b: string): number {
  const left = parseQuantity(a) ?? 0n;
  const right = parseQuantity(b) ?? 0n;
  return left < right ? -1 : left > right ? 1 : 0;
}
