// The stack of programs that name none: the one that the environment describes, and without that this host alone,
// 127.0.0.0/8 and ::1.

import { type Driver, drive } from '../../driver.js';
import type { NetError } from '../../errors.js';
import { openTun } from '../../link/node/tun.js';
import { Stack } from '../../stack.js';
import { type Configuration, readConfiguration } from './configuration.js';
import type { Host } from './host.js';

/** A host with its stack in full. */
export interface ComposedHost extends Host {
  readonly stack: Stack;
  readonly driver: Driver;
  /** It stands still, and its device is closed. */
  close(): void;
}

/**
 * Make what `configuration` describes, and drive it in real time. By itself it does not keep the process alive: open
 * sockets do.
 *
 * @throws  NetError, from opening the device or of an address that is none
 */
export function compose(configuration: Configuration, onLost: (error: NetError) => void = raise): ComposedHost {
  const stack = new Stack();
  const { device } = configuration;
  if (device === null) {
    const driver = drive(stack);
    driver.unref();
    return { stack, driver, close: () => driver.stop() };
  }
  const { medium, name, kernel, mtu } = device;
  const tun = openTun({ medium, name, addresses: kernel, pool: stack.pool, ...(mtu !== null && { mtu }) });
  try {
    const up = stack.addInterface(tun, { addresses: device.addresses, gateway: device.gateways, onLost });
    tun.unref();
    const driver = drive(stack);
    driver.unref();
    const close = (): void => {
      process.off('exit', close);
      sayFarewell(stack);
      stack.removeInterface(up);
      driver.stop();
    };
    // Nothing of ours outlives the process, and koffi must not find the device open when Node is taken down.
    process.on('exit', close);
    return { stack, driver, close };
  } catch (error) {
    tun.close();
    throw error;
  }
}

/**
 * What a kernel does for a process that ends, as far as it goes at once: connections are closed, and what can be sent is.
 * The program itself, which may be what ends it, is told of nothing any more.
 */
function sayFarewell(stack: Stack): void {
  stack.tcp.dormant.wakeAll();
  for (const connection of [...stack.tcp.connections]) connection.close();
  stack.tcp.flush(stack.now());
}

/** As long as nobody says what to do when the device is gone, the process ends as by any error that nobody catches. */
function raise(error: NetError): void {
  queueMicrotask(() => { throw error; });
}

/** What the default stack is to be, and who is told that it cannot be, or is no more. Until it is made, it may be replaced. */
export interface Plan {
  /** Null: as the environment variable WALLSOCKET says. */
  configuration: Configuration | null;
  onLost: (error: NetError) => void;
  onRefused: (error: Error) => never;
}

export const plan: Plan = {
  configuration: null,
  onLost: raise,
  onRefused: (error) => { throw error; },
};

let made: ComposedHost | null = null;

function make(): ComposedHost {
  if (made !== null) return made;
  try {
    made = compose(plan.configuration ?? readConfiguration(process.env.WALLSOCKET ?? ''), (error) => plan.onLost(error));
  } catch (error) {
    return plan.onRefused(error as Error);
  }
  return made;
}

const lazy: Host = {
  get stack() {
    return make().stack;
  },
  get driver() {
    return make().driver;
  },
};

/**
 * The one of this process. It is made when its stack or its driver is first asked for, and may throw then: see `compose`
 * and `readConfiguration`.
 */
export function defaultStack(): Host {
  return lazy;
}

/** Make it now, if it is not made yet. */
export function openDefaultStack(): void {
  make();
}
