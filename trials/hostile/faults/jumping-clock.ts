/**
 * Loaded into the daemon (NODE_OPTIONS=--import): each SIGUSR2 moves the wall clock as JavaScript sees it, by a day ahead and by two
 * days back in turn. Timers of Node run by the monotonic clock and don't see it, as with a real jump.
 */
const day = 86_400_000;
const real = Date.now.bind(Date);
let offset = 0;

class JumpingDate extends Date {
  constructor(...values: [] | [number | string | Date]) {
    if (values.length === 0) super(real() + offset);
    else super(...(values as [number]));
  }
  static override now(): number {
    return real() + offset;
  }
}

globalThis.Date = JumpingDate as DateConstructor;
process.on("SIGUSR2", () => {
  offset = offset > 0 ? -day : day;
});
