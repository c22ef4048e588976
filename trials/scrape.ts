/** Series of a page of metrics, each by its name with all labels: `bgp_event_loop_lag_seconds{quantile="0.99"}`; NaN for one that isn't there. */
export async function scrape(url: string, series: readonly string[]): Promise<number[]> {
  const response = await fetch(url);
  const lines = (await response.text()).split("\n");
  return series.map((name) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? Number.NaN));
}
