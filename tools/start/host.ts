// The stack of the main job, with all its services.

import { createWriteStream, type WriteStream } from 'node:fs';
import { drive, type Driver } from '../../src/driver.js';
import type { Device } from '../../src/link/device.js';
import { PcapWriter, tap } from '../../src/link/pcap.js';
import { serveHttp } from '../../src/services/node/http.js';
import { serveAll, type SmallServers } from '../../src/services/small-servers.js';
import { Stack } from '../../src/stack.js';

/** The two ends of the link. */
export const KERNEL = { v4: '10.77.0.1', v6: 'fd77::1' } as const;
export const OURS = { v4: '10.77.0.2', v6: 'fd77::2' } as const;

/** Packets that may wait for us in the kernel: a thousand clients that close in one turn are a thousand packets. */
export const TX_QUEUE = 8192;

export interface ServingHost {
  readonly stack: Stack;
  readonly services: SmallServers;
  close(): Promise<void>;
}

export function serveOn(device: Device, options: { pcap?: string; onLost?: (error: Error) => void }): ServingHost {
  const stack = new Stack();
  const driver: Driver = drive(stack);
  const capture = options.pcap === undefined ? null : new Capture(options.pcap);
  stack.addInterface(capture === null ? device : capture.of(device), {
    addresses: [`${OURS.v4}/24`, `${OURS.v6}/64`], gateway: [KERNEL.v4, KERNEL.v6],
    ...(options.onLost !== undefined && { onLost: options.onLost }),
  });
  const http = serveHttp(stack);
  const services = serveAll(stack, () => new Date().toUTCString());
  return {
    stack, services,
    async close() {
      http.close();
      services.close();
      // What was reset on closing should still leave.
      stack.poll(performance.now());
      driver.stop();
      device.close();
      await capture?.close();
    },
  };
}

class Capture {
  private readonly file: WriteStream;
  private readonly writer: PcapWriter;

  constructor(path: string) {
    this.file = createWriteStream(path);
    this.writer = new PcapWriter((bytes) => this.file.write(bytes.slice()), { epochMs: performance.timeOrigin });
  }

  of(device: Device): Device {
    return tap(device, this.writer, () => performance.now());
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.file.end(() => resolve()));
  }
}
