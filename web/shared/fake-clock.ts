/** Time for tests, in which they are what happens. */
export class FakeClock {
  timers: { atMs: number; act: () => void }[] = [];
  nowMs = 0;

  now(): number {
    return this.nowMs;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, act };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((it) => it !== timer));
  }

  random(): number {
    return 1;
  }

  /** Lets time go on until the next thing that waits for it; how much that was. */
  wait(): number {
    const next = this.timers.reduce((one, other) => (one.atMs <= other.atMs ? one : other));
    this.timers = this.timers.filter((it) => it !== next);
    const waited = next.atMs - this.nowMs;
    this.nowMs = next.atMs;
    next.act();
    return waited;
  }
}
