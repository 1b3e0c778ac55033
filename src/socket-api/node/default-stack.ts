// The stack of programs that name none: this host alone, 127.0.0.0/8 and ::1, unless somebody gives it interfaces.

import { type Driver, drive } from '../../driver.js';
import { Stack } from '../../stack.js';

export interface DefaultStack {
  readonly stack: Stack;
  readonly driver: Driver;
}

let made: DefaultStack | null = null;

/** Made when it is first asked for, and driven in real time; by itself it does not keep the process alive. */
export function defaultStack(): DefaultStack {
  if (made === null) {
    const stack = new Stack();
    made = { stack, driver: drive(stack) };
    made.driver.unref();
  }
  return made;
}
