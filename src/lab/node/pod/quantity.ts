// Kubernetes' quantities (`250m`, `64Mi`, `1e3`), as far as a container may ask for its own.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Undefined when it is no quantity. */
export function parseQuantity(text: string): number | undefined {
  const match = /^([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)([numkMGTPE]i?|)$/.exec(text);
  const factor = SUFFIXES[match?.[2] ?? ''];
  const value = Number(match?.[1]);
  if (!match || factor === undefined || !Number.isFinite(value)) return undefined;
  return value * factor;
}

/** In whole divisors, rounded up, as kubelet gives it to containers; divisor 0 or none is 1. */
export function quantityIn(quantity: string, divisor: string): string | undefined {
  const value = parseQuantity(quantity);
  if (value === undefined) return undefined;
  // A hair less before rounding up: 0.3 / 0.1 is 2.9999999999999996 or 3.0000000000000004.
  return String(Math.ceil(value / (parseQuantity(divisor) || 1) - 1e-9));
}
