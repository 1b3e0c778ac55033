// Time is an argument: milliseconds on a monotonic clock, fractional, from an arbitrary origin. Always called `now`.

/** The deadline of something that is not waiting. */
export const NEVER = Infinity;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
