/** Milliseconds of the clock that all processes of a machine share (CLOCK_MONOTONIC), with a resolution below a microsecond. */
export function sharedNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
