/** A power law y = factor * x^exponent through points, by least squares on the logarithms. */
export interface PowerLaw {
  readonly exponent: number;
  /** Standard error of the exponent. */
  readonly error: number;
  readonly factor: number;
}

/** At least three points with positive coordinates. */
export function fitPowerLaw(points: readonly (readonly [x: number, y: number])[]): PowerLaw {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const count = logs.length;
  if (count < 3) throw new Error("a power law needs three points to have an error");
  const mean = (pick: 0 | 1) => logs.reduce((sum, p) => sum + p[pick], 0) / count;
  const [mx, my] = [mean(0), mean(1)];
  const sxx = logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const exponent = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / sxx;
  const residual = logs.reduce((sum, [x, y]) => sum + (y - my - exponent * (x - mx)) ** 2, 0);
  return { exponent, error: Math.sqrt(residual / (count - 2) / sxx), factor: Math.exp(my - exponent * mx) };
}
