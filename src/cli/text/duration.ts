/** How long something has been so, as FRR shows it: 00:03:09, 1d02h, 3w4d; "never" for null. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null) return "never";
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const two = (value: number) => String(value).padStart(2, "0");
  if (days >= 7) return `${Math.floor(days / 7)}w${days % 7}d`;
  if (days > 0) return `${days}d${two(hours)}h`;
  return `${two(hours)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}
